#include "room.hpp"

#include <utility>

namespace xmpp {

using dispatch::Failure;
using dispatch::quoteLine;

namespace {

constexpr std::string_view muc = "http://jabber.org/protocol/muc";
constexpr std::string_view mucUser = "http://jabber.org/protocol/muc#user";
constexpr std::string_view mucAdmin = "http://jabber.org/protocol/muc#admin";
constexpr std::string_view mucOwner = "http://jabber.org/protocol/muc#owner";
constexpr std::string_view discoInfo = "http://jabber.org/protocol/disco#info";
constexpr std::string_view stableIds = "urn:xmpp:sid:0";
constexpr std::string_view archive = "urn:xmpp:mam:2";
constexpr std::string_view resultSets = "http://jabber.org/protocol/rsm";
constexpr int maxNicknames = 5;

bool hasStatus(const Element* user, std::string_view code) {
  if (user == nullptr) return false;
  for (const Element& one : user->children)
    if (one.is("status", mucUser) && one.attribute("code") == code) return true;
  return false;
}

std::string originOf(const Element& message) {
  const Element* origin = message.child("origin-id", stableIds);
  return origin == nullptr ? message.attribute("id") : origin->attribute("id");
}

}  // namespace

std::optional<Room::Info> Room::info() {
  try {
    const Element answer = _session.request("The room " + _jid + " says nothing about itself", "get", _jid,
                                            tag("query", discoInfo));
    Info out;
    if (const Element* query = answer.child("query", discoInfo))
      for (const Element& one : query->children) {
        if (one.is("identity", discoInfo) && out.name.empty()) out.name = one.attribute("name");
        if (one.is("feature", discoInfo)) out.features.insert(one.attribute("var"));
      }
    return out;
  } catch (const StanzaFailure& failure) {
    if (failure.condition() == "item-not-found" || failure.condition() == "gone") return std::nullopt;
    throw;
  }
}

Room::Info Room::needInfo() {
  if (auto found = info()) return std::move(*found);
  throw Failure::notFound("There is no room " + _jid +
                          ". Somebody has destroyed it, or its address is written wrong.");
}

void Room::take(const Element& presence) {
  const std::string nick = resourceOf(presence.attribute("from"));
  if (presence.attribute("type") == "unavailable") return void(_occupants.erase(nick));
  const Element* user = presence.child("x", mucUser);
  const Element* item = user == nullptr ? nullptr : user->child("item", mucUser);
  if (item == nullptr) return;
  _occupants[nick] = {nick, bareOf(item->attribute("jid")), item->attribute("role"),
                      item->attribute("affiliation")};
}

bool Room::enter() {
  for (int attempt = 1;; ++attempt) {
    _nick = _session.settings().nick + (attempt == 1 ? "" : " " + std::to_string(attempt));
    _occupants.clear();
    Element history = tag("history", muc), x = tag("x", muc), presence = tag("presence", ns::client);
    history.with("maxstanzas", "0");
    x.add(std::move(history));
    const std::string id = _session.newId();
    _session.send(presence.with("id", id).with("to", _jid + "/" + _nick).add(std::move(x)));
    for (;;) {
      const Element answer = _session.next();
      const std::string from = answer.attribute("from");
      if (answer.name != "presence" || bareOf(from) != _jid) continue;
      if (answer.attribute("type") == "error") {
        const StanzaFailure failure(
            "The room " + _jid + " does not let " + _session.settings().account.bare() + " in", answer);
        // Somebody else, or on some servers another connection of ours, has the name.
        if (failure.condition() == "conflict" && attempt < maxNicknames) break;
        throw failure;
      }
      take(answer);
      const Element* user = answer.child("x", mucUser);
      if (!hasStatus(user, "110")) continue;
      _nick = resourceOf(from);  // the room may have changed it (status 210)
      _occupants.erase(_nick);
      return hasStatus(user, "201");
    }
  }
}

void Room::leave() {
  _session.send(tag("presence", ns::client).with("type", "unavailable").with("to", _jid + "/" + _nick));
}

Form Room::configuration() {
  const Element answer =
      _session.request("The settings of the room " + _jid + " are not for " +
                           _session.settings().account.bare() + ", which should be its owner",
                       "get", _jid, tag("query", mucOwner));
  const Element* query = answer.child("query", mucOwner);
  const Element* x = query == nullptr ? nullptr : query->child("x", ns::data);
  if (x == nullptr)
    throw Failure::unsupported("The room " + _jid + " has no settings that could be changed.");
  return Form(*x);
}

void Room::configure(const Form& form) {
  Element query = tag("query", mucOwner);
  query.add(form.submission());
  (void)_session.request("The room " + _jid + " did not take its settings", "set", _jid, std::move(query));
}

void Room::destroy() {
  Element query = tag("query", mucOwner);
  query.add(tag("destroy", mucOwner));
  (void)_session.request("The room " + _jid + " cannot be destroyed", "set", _jid, std::move(query));
}

std::set<std::string, std::less<>> Room::affiliated(const std::string& affiliation) {
  Element query = tag("query", mucAdmin), item = tag("item", mucAdmin);
  query.add(item.with("affiliation", affiliation));
  const Element answer = _session.request("The room " + _jid + " does not tell who is " + affiliation, "get",
                                          _jid, std::move(query));
  std::set<std::string, std::less<>> out;
  if (const Element* list = answer.child("query", mucAdmin))
    for (const Element& one : list->children)
      if (one.is("item", mucAdmin)) out.insert(bareOf(one.attribute("jid")));
  return out;
}

void Room::setAffiliation(const std::string& person, const std::string& affiliation,
                          const std::vector<Element>& behind) {
  Element query = tag("query", mucAdmin), item = tag("item", mucAdmin);
  query.add(item.with("affiliation", affiliation).with("jid", person));
  (void)_session.request("The room " + _jid + " did not make \"" + affiliation + "\" the affiliation of " +
                             quoteLine(person, 100),
                         "set", _jid, std::move(query), behind);
}

void Room::setRole(const std::string& nick, const std::string& role) {
  Element query = tag("query", mucAdmin), item = tag("item", mucAdmin);
  query.add(item.with("role", role).with("nick", nick));
  try {
    (void)_session.request("The room " + _jid + " did not give " + quoteLine(nick, 80) + " the role " + role,
                           "set", _jid, std::move(query));
  } catch (const StanzaFailure& failure) {
    if (failure.condition() != "item-not-found") throw;  // has just left
  }
}

std::string Room::invite(const std::string& person, const std::string& reason) {
  const std::string id = _session.newId();
  Element x = tag("x", "jabber:x:conference"), message = tag("message", ns::client);
  x.with("jid", _jid).with("reason", reason);
  setAffiliation(person, "member", {message.with("id", id).with("to", person).add(std::move(x))});
  return id;
}

std::string Room::say(const Element& message, const std::string& id) {
  std::string known = id;
  _session.effectMayHappen("The message went to the room " + _jid);
  _session.send(message);
  const auto refused = _session.settle(_jid, [&](const Element& back) {
    const std::string from = back.attribute("from");
    if (back.name != "message" || bareOf(from) != _jid || resourceOf(from) != _nick || originOf(back) != id)
      return;
    for (const Element& one : back.children)
      if (one.is("stanza-id", stableIds) && bareOf(one.attribute("by")) == _jid) known = one.attribute("id");
  });
  _session.effectIsKnown();
  if (const auto found = refused.find(id); found != refused.end())
    throw StanzaFailure("The room " + _jid + " did not take the message", found->second);
  return known.empty() ? id : known;
}

void Room::setSubject(const std::string& subject) {
  const std::string id = _session.newId();
  Element message = tag("message", ns::client);
  _session.send(message.with("type", "groupchat")
                    .with("to", _jid)
                    .with("id", id)
                    .add(tag("subject", ns::client, subject)));
  const auto refused = _session.settle(_jid);
  if (const auto found = refused.find(id); found != refused.end())
    throw StanzaFailure("The room " + _jid + " did not take the topic", found->second);
}

Element Room::whisper(const std::string& nick, const std::string& id, const std::string& body) const {
  Element message = messageOf("chat", _jid + "/" + nick, id, body);
  return message.add(tag("x", mucUser));
}

std::optional<std::string> Room::inArchive(const std::string& id) {
  constexpr int pages = 5;
  std::string before;
  for (int page = 0; page < pages; ++page) {
    Form form;
    form.add("FORM_TYPE", std::string(archive));
    Element query = tag("query", archive), set = tag("set", resultSets), iq = tag("iq", ns::client);
    set.add(tag("max", resultSets, "100")).add(tag("before", resultSets, before));
    const std::string asked = _session.newId();
    query.with("queryid", asked).add(form.submission()).add(std::move(set));
    _session.send(iq.with("type", "set").with("id", asked).with("to", _jid).add(std::move(query)));
    std::optional<std::string> found;
    for (;;) {
      const Element answer = _session.next();
      if (answer.name == "iq" && answer.attribute("id") == asked) {
        if (answer.attribute("type") == "error")
          throw StanzaFailure("The archive of the room " + _jid + " does not answer", answer);
        if (found) return found;
        const Element* fin = answer.child("fin", archive);
        const Element* range = fin == nullptr ? nullptr : fin->child("set", resultSets);
        before = range == nullptr ? "" : range->childText("first", resultSets);
        if (fin == nullptr || fin->attribute("complete") == "true" || before.empty()) return std::nullopt;
        break;
      }
      const Element* result = answer.name == "message" ? answer.child("result", archive) : nullptr;
      if (result == nullptr || bareOf(answer.attribute("from")) != _jid ||
          result->attribute("queryid") != asked)
        continue;
      const Element* forwarded = result->child("forwarded", "urn:xmpp:forward:0");
      const Element* message = forwarded == nullptr ? nullptr : forwarded->child("message", ns::client);
      if (message != nullptr && originOf(*message) == id) found = result->attribute("id");
    }
  }
  return std::nullopt;
}

Element messageOf(std::string_view type, const std::string& to, const std::string& id,
                  const std::string& body) {
  Element message = tag("message", ns::client), origin = tag("origin-id", stableIds);
  origin.with("id", id);
  return message.with("type", std::string(type))
      .with("to", to)
      .with("id", id)
      .add(tag("body", ns::client, body))
      .add(std::move(origin));
}

}  // namespace xmpp
