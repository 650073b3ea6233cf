// Group chats by XMPP (RFC 6120, RFC 6121) with multi-user chat (XEP-0045): a room for each incident. A
// connection lasts as long as the call.
#include "description.hpp"
#include "room.hpp"

#include <dispatch/sdk.hpp>

#include <type_traits>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::Resource;
using dispatch::TestReport;
using xmpp::Room;
using xmpp::Session;

constexpr std::string_view archivedMark = "[archived] ";
constexpr std::size_t maxName = 200, maxTopic = 1000;
/// Well below what servers take of one stanza: RFC 6120 section 13.12 demands 10,000 bytes, and no common one
/// allows less than 64 KiB.
constexpr std::size_t maxBody = 30'000;

class XmppConversation : public dispatch::ConversationPlugin {
 public:
  XmppConversation(const dispatch::Host& host, const dispatch::Config& config)
      : ConversationPlugin(host), _settings(xmpp::Settings::read(config)) {}

  dispatch::Effect effectOf(std::string_view method) const {
    if (method == "create") return dispatch::Effect::findable;
    if (method == "find") return dispatch::Effect::read;
    const bool message = method == "send" || method == "announce";
    if (method.starts_with("send") || message)
      return message && _settings.useArchive ? dispatch::Effect::idempotent : dispatch::Effect::atMostOnce;
    return dispatch::Effect::idempotent;
  }

  Resource create(const Call& call, const dispatch::ConversationCreate& request) {
    return with(call, [&](Session& session) {
      Room room(session, roomOf(request));
      const bool closed = request.restricted || _settings.alwaysMembersOnly;
      bool made = false;
      if (!room.info()) {
        session.effectMayHappen("The room " + room.jid() + " was asked for");
        made = room.enter();
      }
      try {
        session.effectMayHappen("The settings of the room " + room.jid() + " were sent");
        room.configure(firstSettings(room.configuration(), request, closed));
        session.effectIsKnown();
        checkRoom(room, closed);
      } catch (const Failure& failure) {
        if (made && failure.status() != DISPATCH_ERR_UNCERTAIN) takeDown(room, call);
        throw;
      }
      if (made) room.leave();
      return resourceOf(room.jid(), titleOf(request.name));
    });
  }

  std::optional<Resource> find(const Call& call, const dispatch::ConversationCreate& request) {
    return with(call, [&](Session& session) -> std::optional<Resource> {
      Room room(session, roomOf(request));
      const auto info = room.info();
      // One that is not persistent was never configured: create has to go on with it.
      if (!info || !info->features.contains("muc_persistent")) return std::nullopt;
      try {
        (void)room.configuration();
      } catch (const xmpp::StanzaFailure& failure) {
        if (failure.status() == DISPATCH_ERR_DENIED) return std::nullopt;  // somebody else's
        throw;
      }
      return resourceOf(room.jid(), info->name.empty() ? titleOf(request.name) : info->name);
    });
  }

  dispatch::Rejections add(const Call& call, const dispatch::ConversationAdd& request) {
    return with(call, [&](Session& session) {
      Room room = existing(session, request.conversation.resourceId);
      const Room::Info info = room.needInfo();
      std::set<std::string, std::less<>> inside;
      for (const char* affiliation : {"member", "admin", "owner"}) inside.merge(room.affiliated(affiliation));

      dispatch::Rejections out;
      std::map<std::string, std::pair<std::string, std::string>> invitations;  // id -> e-mail address, JID
      for (const auto& participant : request.participants) {
        try {
          const std::string person = _settings.jidOf(participant.email);
          if (!inside.insert(person).second) continue;
          invitations[room.invite(person, "You take part in " + info.name)] = {participant.email, person};
        } catch (const xmpp::StanzaFailure& failure) {
          if (failure.status() != DISPATCH_ERR_NOT_FOUND && failure.status() != DISPATCH_ERR_INVALID) throw;
          out.add(participant.email, failure.message());
        } catch (const Failure& failure) {
          if (failure.status() != DISPATCH_ERR_INVALID) throw;
          out.add(participant.email, failure.message());
        }
      }
      for (const auto& [id, refusal] : session.settle()) {
        const auto found = invitations.find(id);
        if (found == invitations.end()) continue;
        const auto& [email, person] = found->second;
        room.setAffiliation(person, "none");
        out.add(email, unknownPerson(person, refusal));
      }
      if (out.rejected.size() == request.participants.size()) {
        std::string message = "Nobody could be brought into the room " + room.jid() + ":";
        for (const auto& one : out.rejected) message += " " + one.reason;
        throw Failure::invalid(dispatch::quoteLine(message, 1000));
      }
      return out;
    });
  }

  void remove(const Call& call, const dispatch::ConversationRemove& request) {
    std::string person;
    try {
      person = _settings.jidOf(request.participant.email);
    } catch (const Failure&) {
      return;  // nobody of whom we know no address was ever brought in
    }
    if (person == _settings.account.bare())
      throw Failure::invalid(person + " is the account of this plugin and stays the room's owner.");
    with(call, [&](Session& session) {
      Room room = existing(session, request.conversation.resourceId);
      const Room::Info info = room.needInfo();
      room.setAffiliation(person, "none");
      // A room for members puts out who is none any more (section 9.4); from others they have to be kicked.
      if (info.features.contains("muc_membersonly")) return;
      (void)room.enter();
      for (const auto& [nick, occupant] : room.occupants())
        if (occupant.jid == person) room.setRole(nick, "none");
      room.leave();
    });
  }

  dispatch::MessageSent send(const Call& call, const dispatch::ConversationSend& request) {
    return with(call, [&](Session& session) {
      Room room = existing(session, request.conversation.resourceId);
      return say(call, session, room, request.message);
    });
  }

  dispatch::MessageSent announce(const Call& call, const dispatch::ConversationAnnounce& request) {
    return with(call, [&](Session& session) {
      const std::string_view name = dispatch::trim(request.target);
      const std::string text =
          name.find('@') != std::string_view::npos
              ? std::string(name)
              : std::string(name.substr(name.starts_with("#") ? 1 : 0)) + "@" + _settings.roomDomain;
      const auto jid = xmpp::Jid::parse(text);
      if (!jid || jid->local.empty() || !jid->resource.empty())
        throw Failure::invalid("\"" + dispatch::quoteLine(request.target, 100) +
                               "\" is no room. Enter its address, e.g. incidents@" + _settings.roomDomain +
                               ".");
      Room room(session, jid->bare());
      return say(call, session, room, request.message);
    });
  }

  dispatch::MessageSent sendEphemeral(const Call& call, const dispatch::ConversationSendEphemeral& request) {
    const std::string person = _settings.jidOf(request.recipient.email);
    return with(call, [&](Session& session) {
      Room room = existing(session, request.conversation.resourceId);
      (void)room.needInfo();
      (void)room.enter();
      const std::string id = keyOf(call, session);
      for (const auto& [nick, occupant] : room.occupants()) {
        if (occupant.jid != person) continue;
        session.effectMayHappen("The message went to " + person);
        session.send(room.whisper(nick, id, bodyOf(request.message)));
        const auto refused = session.settle();
        session.effectIsKnown();
        if (refused.contains(id)) break;  // has just left
        room.leave();
        return dispatch::MessageSent{id, ""};
      }
      room.leave();
      return sendTo(session, person, id, request.message);
    });
  }

  dispatch::MessageSent sendDirect(const Call& call, const dispatch::ConversationSendDirect& request) {
    const std::string person = _settings.jidOf(request.recipient.email);
    return with(call, [&](Session& session) {
      return sendTo(session, person, keyOf(call, session), request.message);
    });
  }

  void setTopic(const Call& call, const dispatch::ConversationTopic& request) {
    with(call, [&](Session& session) {
      Room room = existing(session, request.conversation.resourceId);
      (void)room.needInfo();
      (void)room.enter();
      room.setSubject(dispatch::quoteLine(request.topic, maxTopic));
      room.leave();
    });
  }

  void setDescription(const Call& call, const dispatch::ConversationDescription& request) {
    change(call, request.conversation, "muc#roomconfig_roomdesc",
           [&](const std::string& now) { return xmpp::withText(now, request.description); });
  }

  void addBookmark(const Call& call, const dispatch::ConversationBookmark& request) {
    change(call, request.conversation, "muc#roomconfig_roomdesc",
           [&](const std::string& now) { return xmpp::withBookmark(now, request.title, request.weblink); });
  }

  void rename(const Call& call, const dispatch::ConversationRename& request) {
    change(call, request.conversation, "muc#roomconfig_roomname", [&](const std::string& now) {
      return std::string(now.starts_with(archivedMark) ? archivedMark : "") + titleOf(request.name);
    });
  }

  void archive(const Call& call, const dispatch::ConversationTarget& request) {
    with(call, [&](Session& session) {
      Room room = existing(session, request.conversation.resourceId);
      const Room::Info info = room.needInfo();
      xmpp::Form form = room.configuration();
      const std::string title = form.value("muc#roomconfig_roomname");
      if (!title.starts_with(archivedMark))
        (void)form.set("muc#roomconfig_roomname", std::string(archivedMark) + title);
      if (!form.set("muc#roomconfig_moderatedroom", "1"))
        throw Failure::unsupported("The server has no moderated rooms, so that " + room.jid() +
                                   " stays open.");
      room.configure(form);
      // A member has a voice in a moderated room (section 5.1.2). Who is nobody may go on reading where a
      // room is open; in one for members, only those who are there now can be silenced.
      if (!info.features.contains("muc_membersonly"))
        for (const std::string& person : room.affiliated("member")) room.setAffiliation(person, "none");
      giveRole(room, "participant", "visitor");
    });
  }

  void unarchive(const Call& call, const dispatch::ConversationTarget& request) {
    with(call, [&](Session& session) {
      Room room = existing(session, request.conversation.resourceId);
      (void)room.needInfo();
      xmpp::Form form = room.configuration();
      const std::string title = form.value("muc#roomconfig_roomname");
      if (title.starts_with(archivedMark))
        (void)form.set("muc#roomconfig_roomname", title.substr(archivedMark.size()));
      (void)form.set("muc#roomconfig_moderatedroom", "0");
      room.configure(form);
      giveRole(room, "visitor", "participant");
    });
  }

  /// Logs in, and makes a room that nobody can see or enter, because it is taken down before it is configured
  /// (section 10.1.1).
  TestReport test(const Call& call, const dispatch::Json&) {
    TestReport report;
    const char* step = "Connection";
    try {
      Session session(host(), call, _settings, _scram);
      report.pass(step, session.connect());
      step = "Encryption";
      report.pass(step,
                  session.secure() +
                      (_settings.acceptAnyCertificate ? " Its certificate is not checked, as set." : ""));
      step = "Login";
      const std::string how = session.login();
      report.pass(step, session.bind() + " By " + how);
      step = "Rooms";
      testRooms(session, report);
      session.close();
      report.summary = "The server can be used: " + _settings.account.bare() + " may make rooms at " +
                       _settings.roomDomain + ".";
    } catch (const Failure& failure) {
      report.fail(step, failure.message());
      report.summary = failure.message();
    }
    return report;
  }

 private:
  /// One connection for what `work` does.
  template <class Work>
  std::invoke_result_t<const Work&, Session&> with(const Call& call, const Work& work) {
    Session session(host(), call, _settings, _scram);
    session.open();
    if constexpr (std::is_void_v<std::invoke_result_t<const Work&, Session&>>) {
      work(session);
      session.close();
    } else {
      auto result = work(session);
      session.close();
      return result;
    }
  }

  std::string roomOf(const dispatch::ConversationCreate& request) const {
    return xmpp::roomLocal(request.name) + "@" + _settings.roomDomain;
  }
  static std::string titleOf(std::string_view name) { return dispatch::quoteLine(name, maxName); }
  static std::string bodyOf(const dispatch::Message& message) { return xmpp::cut(message.plain(), maxBody); }
  static std::string keyOf(const Call& call, Session& session) {
    return call.idempotencyKey().empty() ? session.newId() : std::string(call.idempotencyKey());
  }
  Resource resourceOf(const std::string& room, const std::string& name) const {
    return {room, _settings.weblinkOf(room), name, "xmpp-room"};
  }

  static Room existing(Session& session, const std::string& id) {
    const auto jid = xmpp::Jid::parse(id);
    if (!jid || jid->local.empty() || !jid->resource.empty())
      throw Failure::invalid("\"" + dispatch::quoteLine(id, 100) + "\" is not the address of a room.");
    return {session, jid->bare()};
  }

  xmpp::Form firstSettings(xmpp::Form form, const dispatch::ConversationCreate& request, bool closed) const {
    const auto need = [&](const char* field, const char* value, const char* what) {
      if (!form.set(field, value))
        throw Failure::unsupported(_settings.roomDomain + " does not let " + _settings.account.bare() +
                                   " make " + what + " rooms: its form lacks " + field +
                                   ". Allow it in the server's configuration.");
    };
    need("muc#roomconfig_persistentroom", "1", "persistent");
    if (closed) need("muc#roomconfig_membersonly", "1", "members-only");
    if (closed) need("muc#roomconfig_publicroom", "0", "hidden");
    if (!closed) (void)form.set("muc#roomconfig_membersonly", "0");
    if (!closed) (void)form.set("muc#roomconfig_publicroom", "1");
    (void)form.set("muc#roomconfig_moderatedroom", "0");
    if (closed) (void)form.set("muc#roomconfig_allowinvites", "0");
    // In an incident everybody may know who speaks.
    (void)form.set("muc#roomconfig_whois", "anyone");
    (void)form.set("muc#roomconfig_roomname", titleOf(request.name));
    std::string description = xmpp::withText("", request.incident.title);
    if (!request.incident.weblink.empty())
      description = xmpp::withBookmark(description, "Incident", request.incident.weblink);
    (void)form.set("muc#roomconfig_roomdesc", description);
    return form;
  }

  /// A server may take a form and keep to its own rules.
  static void checkRoom(Room& room, bool closed) {
    const Room::Info info = room.needInfo();
    std::string missing;
    const auto expect = [&](const char* feature, const char* what) {
      if (!info.features.contains(feature)) missing += (missing.empty() ? "" : ", ") + std::string(what);
    };
    expect("muc_persistent", "persistent");
    if (closed) expect("muc_membersonly", "members-only");
    if (closed) expect("muc_hidden", "hidden");
    if (!missing.empty())
      throw Failure::unsupported("The room " + room.jid() + " took its settings, but it is not " + missing +
                                 ". Allow that in the server's configuration.");
  }

  void takeDown(Room& room, const Call& call) {
    try {
      room.destroy();
    } catch (const Failure& failure) {
      log().warning("The room " + room.jid() + " is left over: " + failure.message(), &call);
    }
  }

  dispatch::MessageSent say(const Call& call, Session& session, Room& room,
                            const dispatch::Message& message) {
    const Room::Info info = room.needInfo();
    const std::string id = keyOf(call, session);
    if (_settings.useArchive && !info.features.contains("urn:xmpp:mam:2"))
      throw Failure::invalid(
          "The room " + room.jid() +
          " has no archive (XEP-0313). Turn the archive on in the server, or \"use_archive\" off.");
    (void)room.enter();
    if (_settings.useArchive)
      if (const auto before = room.inArchive(id)) {
        room.leave();
        return {*before, ""};
      }
    const std::string said = room.say(xmpp::messageOf("groupchat", room.jid(), id, bodyOf(message)), id);
    room.leave();
    return {said, ""};
  }

  dispatch::MessageSent sendTo(Session& session, const std::string& person, const std::string& id,
                               const dispatch::Message& message) const {
    session.effectMayHappen("The message went to " + person);
    session.send(xmpp::messageOf("chat", person, id, bodyOf(message)));
    const auto refused = session.settle();
    session.effectIsKnown();
    if (const auto found = refused.find(id); found != refused.end())
      throw Failure::notFound(unknownPerson(person, found->second));
    return {id, ""};
  }

  static std::string unknownPerson(const std::string& person, const xmpp::Element& refusal) {
    return "The server does not know " + dispatch::quoteLine(person, 100) +
           ", or they take no messages: " + xmpp::errorText(refusal) +
           ". Settings \"address_pattern\" and \"addresses\" make a person's address.";
  }

  template <class Change>
  void change(const Call& call, const Resource& conversation, std::string_view field, const Change& changed) {
    with(call, [&](Session& session) {
      Room room = existing(session, conversation.resourceId);
      (void)room.needInfo();
      xmpp::Form form = room.configuration();
      const std::string now = form.value(field), next = changed(now);
      if (next == now) return;
      if (!form.set(field, next))
        throw Failure::unsupported("The settings of the room " + room.jid() + " lack " + std::string(field) +
                                   ".");
      room.configure(form);
    });
  }

  static void giveRole(Room& room, std::string_view from, const std::string& to) {
    (void)room.enter();
    for (const auto& [nick, occupant] : room.occupants())
      if (occupant.role == from) room.setRole(nick, to);
    room.leave();
  }

  void testRooms(Session& session, TestReport& report) const {
    Room::Info service;
    try {
      service = Room(session, _settings.roomDomain).needInfo();
    } catch (const xmpp::StanzaFailure& failure) {
      throw Failure(failure.status(), "Nothing answers at " + _settings.roomDomain +
                                          ", the domain of the rooms. Check setting \"room_domain\". " +
                                          failure.message());
    }
    if (!service.features.contains("http://jabber.org/protocol/muc"))
      throw Failure::invalid(
          _settings.roomDomain +
          " is no multi-user chat service. Enter the right one in setting \"room_domain\", often "
          "conference." +
          _settings.account.domain + ".");
    report.pass("Rooms",
                "\"" + dispatch::quoteLine(service.name, 100) + "\" at " + _settings.roomDomain + ".");
    Room room(session, "dispatch-test-" + session.newId() + "@" + _settings.roomDomain);
    (void)room.enter();
    dispatch::ConversationCreate request;
    request.name = "Test";
    std::string fault;
    try {
      (void)firstSettings(room.configuration(), request, true);
    } catch (const Failure& failure) {
      fault = failure.message();
    }
    room.destroy();
    if (!fault.empty()) throw Failure::unsupported(fault);
    report.pass("Permission to make rooms", "A room that nobody saw was made and taken down.");
  }

  xmpp::Settings _settings;
  xmpp::ScramCache _scram;
};

}  // namespace

DISPATCH_PLUGIN(XmppConversation)
