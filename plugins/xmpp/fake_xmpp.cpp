#include "fake_xmpp.hpp"

#include "jid.hpp"

#include <sstream>

namespace xmpp::testing {

namespace {

using dispatch::base64Decode;
using dispatch::base64Encode;
using dispatch::testing::hmacSha256;

const std::string sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
const std::string me = "dispatch@example.com";

std::string inQuotes(const std::string& text) { return "'" + escapeXml(text) + "'"; }

std::string result(const Element& iq, const std::string& payload = "") {
  return "<iq type='result' id=" + inQuotes(iq.attribute("id")) + " from=" + inQuotes(iq.attribute("to")) +
         ">" + payload + "</iq>";
}

std::string error(const Element& stanza, const std::string& condition, const std::string& type = "cancel") {
  return "<" + stanza.name + " type='error' id=" + inQuotes(stanza.attribute("id")) +
         " from=" + inQuotes(stanza.attribute("to")) + "><error type='" + type + "'><" + condition +
         " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></" + stanza.name + ">";
}

std::string xorOf(std::string a, const std::string& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
  return a;
}

std::string after(const std::string& text, const std::string& mark) {
  const auto at = text.find(mark);
  return at == std::string::npos ? "" : text.substr(at + mark.size());
}

std::string presenceOf(const std::string& room, const std::string& nick, const World::Room::Occupant& who,
                       const std::string& affiliation, const std::string& more = "") {
  return "<presence from=" + inQuotes(room + "/" + nick) +
         "><x xmlns='http://jabber.org/protocol/muc#user'><item jid=" + inQuotes(who.jid + "/desk") +
         " role='" + who.role + "' affiliation='" + affiliation + "'/>" + more + "</x></presence>";
}

}  // namespace

bool Server::startTls() {
  _parser = StreamParser();
  _greeted = false;
  return _world.tls = _world.tlsWorks;
}

std::string Server::begin() {
  if (!_world.instead.empty()) return _world.instead;
  std::string features;
  if (!_world.tls && _world.offersTls) features += "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
  if (_loggedIn) {
    features += "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";
  } else if (_world.tls) {
    features += "<mechanisms xmlns='" + sasl + "'>";
    std::istringstream words(_world.mechanisms);
    for (std::string word; words >> word;) features += "<mechanism>" + word + "</mechanism>";
    features += "</mechanisms>";
  }
  return "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
         "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' id='1'><stream:features>" +
         features + "</stream:features>";
}

std::string Server::receive(const std::string& bytes) {
  if (_closed) return "";
  _parser.feed(bytes);
  std::string out;
  if (_parser.header() && !_greeted) {
    _greeted = true;
    out += begin();
  }
  while (!_closed) {
    const auto stanza = _parser.take();
    if (!stanza) break;
    const std::string text = serialize(*stanza, "jabber:client");
    _world.stanzas.push_back(text);
    if (!_world.hangUpAt.empty() && text.find(_world.hangUpAt) != std::string::npos) {
      _closed = true;
      ++_world.lost;
      break;
    }
    bool refused = false;
    for (const auto& [part, how] : _world.refuse)
      if (!refused && text.find(part) != std::string::npos) {
        refused = true;
        const auto space = how.find(' ');
        out += error(*stanza, how.substr(0, space),
                     space == std::string::npos ? "cancel" : how.substr(space + 1));
      }
    if (!refused) out += answer(*stanza);
  }
  if (_parser.ended()) _closed = true;
  return out;
}

std::string Server::answer(const Element& stanza) {
  if (stanza.name == "starttls")
    return "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" + _world.smuggled;
  if (stanza.ns == sasl) return login(stanza);
  if (stanza.name == "iq") return iq(stanza);
  return stanza.name == "presence" ? presence(stanza) : message(stanza);
}

std::string Server::login(const Element& step) {
  const auto success = [&](const std::string& more) {
    _loggedIn = true;
    _greeted = false;
    _parser = StreamParser();
    return "<success xmlns='" + sasl + "'>" + base64Encode(more) + "</success>";
  };
  const auto failed = [](const std::string& condition) {
    return "<failure xmlns='" + sasl + "'><" + condition + "/><text>No.</text></failure>";
  };
  if (!_world.failure.empty()) return failed(_world.failure);
  const std::string said = base64Decode(step.text).value_or("");
  if (step.attribute("mechanism") == "PLAIN")
    return said == std::string("\0dispatch\0", 10) + _world.password ? success("") : failed("not-authorized");
  if (step.name == "auth") {
    _clientFirst = said.substr(3);
    _serverFirst = _world.challenge.empty()
                       ? "r=" + after(said, "r=") + "theirs,s=" + base64Encode("salt") + ",i=4096"
                       : _world.challenge;
    return "<challenge xmlns='" + sasl + "'>" + base64Encode(_serverFirst) + "</challenge>";
  }
  if (_salted.empty()) {
    std::string block = hmacSha256(_world.password, std::string("salt\0\0\0\1", 8));
    _salted = block;
    for (int i = 1; i < 4096; ++i) _salted = xorOf(_salted, block = hmacSha256(_world.password, block));
  }
  const std::string message = _clientFirst + "," + _serverFirst + "," + said.substr(0, said.find(",p="));
  const std::string key = hmacSha256(_salted, "Client Key"), stored = dispatch::testing::sha256(key);
  if (after(said, ",p=") != base64Encode(xorOf(key, hmacSha256(stored, message))))
    return failed("not-authorized");
  return success("v=" + base64Encode(hmacSha256(hmacSha256(_salted, "Server Key"), message)));
}

std::string Server::iq(const Element& stanza) {
  const std::string to = stanza.attribute("to");
  const Element& payload = stanza.children.at(0);
  if (payload.name == "bind")
    return result(stanza,
                  "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" + _world.jid + "</jid></bind>");
  if (to == "rooms.example.com" && payload.name == "query")
    return result(stanza,
                  "<query xmlns='http://jabber.org/protocol/disco#info'><identity name='Chat rooms'/>"
                  "<feature var='http://jabber.org/protocol/muc'/></query>");
  if (to == "example.com")
    return payload.name == "ping" ? result(stanza) : result(stanza, "<query xmlns='x'/>");
  const auto found = _world.rooms.find(to);
  return found == _world.rooms.end() ? error(stanza, "item-not-found") : room(found->second, to, stanza);
}

std::string Server::room(World::Room& room, const std::string& jid, const Element& iq) {
  const Element& query = iq.children.at(0);
  const bool owner = room.affiliation[me] == "owner";
  const std::string open = "<query xmlns='" + query.ns + "'>";
  if (query.ns == "http://jabber.org/protocol/disco#info") {
    std::string out = open + "<identity name=" + inQuotes(room.form["muc#roomconfig_roomname"]) + "/>";
    const auto tell = [&](bool on, const std::string& feature) {
      if (on && !_world.lacking.contains(feature)) out += "<feature var='" + feature + "'/>";
    };
    tell(room.form["muc#roomconfig_persistentroom"] == "1", "muc_persistent");
    tell(room.form["muc#roomconfig_membersonly"] == "1", "muc_membersonly");
    tell(room.form["muc#roomconfig_publicroom"] == "0", "muc_hidden");
    tell(_world.archives, "urn:xmpp:mam:2");
    return result(iq, out + "</query>");
  }
  if (query.name == "ping") return error(iq, "feature-not-implemented");
  if (query.ns == "urn:xmpp:mam:2") {
    std::string out;
    for (const auto& [id, origin] : room.archive)
      out += "<message from=" + inQuotes(jid) +
             "><result xmlns='urn:xmpp:mam:2' queryid=" + inQuotes(query.attribute("queryid")) +
             " id=" + inQuotes(id) +
             "><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><origin-id "
             "xmlns='urn:xmpp:sid:0' id=" +
             inQuotes(origin) + "/></message></forwarded></result></message>";
    return out + result(iq, "<fin xmlns='urn:xmpp:mam:2' complete='true'/>");
  }
  if (!owner) return error(iq, "forbidden", "auth");
  const bool set = iq.attribute("type") == "set";
  if (query.ns == "http://jabber.org/protocol/muc#owner") {
    if (query.child("destroy", query.ns) != nullptr) {
      _world.rooms.erase(jid);
      return result(iq);
    }
    if (set) {
      for (const Element& field : query.children.at(0).children)
        room.form[field.attribute("var")] = field.childText("value", "jabber:x:data");
      return result(iq);
    }
    std::string out =
        open + "<x xmlns='jabber:x:data' type='form'><field type='fixed'><value>Settings</value></field>";
    for (const char* var : {"FORM_TYPE", "muc#roomconfig_persistentroom", "muc#roomconfig_membersonly",
                            "muc#roomconfig_publicroom", "muc#roomconfig_moderatedroom",
                            "muc#roomconfig_whois", "muc#roomconfig_roomname", "muc#roomconfig_roomdesc"})
      if (!_world.lacking.contains(var))
        out +=
            std::string("<field var='") + var + "'><value>" + escapeXml(room.form[var]) + "</value></field>";
    return result(iq, out + "</x></query>");
  }
  const Element& item = query.children.at(0);
  const std::string affiliation = item.attribute("affiliation"), role = item.attribute("role");
  if (!set) {
    std::string out = open;
    for (const auto& [who, what] : room.affiliation)
      if (what == affiliation) out += "<item jid=" + inQuotes(who) + " affiliation='" + what + "'/>";
    return result(iq, out + "</query>");
  }
  if (!affiliation.empty())
    room.affiliation[item.attribute("jid")] = affiliation == "none" ? "" : affiliation;
  if (role == "none") room.occupants.erase(item.attribute("nick"));
  if (!role.empty() && role != "none") room.occupants[item.attribute("nick")].role = role;
  return result(iq);
}

std::string Server::presence(const Element& stanza) {
  const std::string jid = bareOf(stanza.attribute("to")), nick = resourceOf(stanza.attribute("to"));
  if (stanza.attribute("type") == "unavailable") {
    if (const auto found = _world.rooms.find(jid); found != _world.rooms.end())
      found->second.occupants.erase(nick);
    return "";
  }
  const bool made = !_world.rooms.contains(jid);
  World::Room& room = _world.rooms[jid];
  if (made && _world.ownerOfNew) room.affiliation[me] = "owner";
  if (const auto taken = room.occupants.find(nick); taken != room.occupants.end() && taken->second.jid != me)
    return error(stanza, "conflict");
  std::string out;
  for (const auto& [name, occupant] : room.occupants)
    out += presenceOf(jid, name, occupant, room.affiliation[occupant.jid]);
  room.occupants[nick] = {me, "moderator"};
  out += presenceOf(jid, nick, room.occupants[nick], "owner",
                    std::string("<status code='110'/>") + (made ? "<status code='201'/>" : ""));
  return out + "<message type='groupchat' from=" + inQuotes(jid) + "><subject>" + escapeXml(room.subject) +
         "</subject></message>";
}

std::string Server::message(const Element& stanza) {
  const std::string to = stanza.attribute("to"), bare = bareOf(to);
  if (const auto found = _world.rooms.find(bare); found != _world.rooms.end())
    return toRoom(found->second, bare, stanza);
  if (!_world.people.contains(bare)) return error(stanza, "service-unavailable");
  _world.messages.push_back(to + ": " + stanza.childText("body", "jabber:client"));
  return "";
}

std::string Server::toRoom(World::Room& room, const std::string& jid, const Element& stanza) {
  const std::string to = stanza.attribute("to"), body = stanza.childText("body", "jabber:client");
  if (stanza.attribute("type") != "groupchat" && !room.occupants.contains(resourceOf(to)))
    return error(stanza, "item-not-found");
  _world.messages.push_back(to + ": " + body);
  if (stanza.attribute("type") != "groupchat") return "";
  std::string nick;
  for (const auto& [name, occupant] : room.occupants)
    if (occupant.jid == me) nick = name;
  if (nick.empty()) return error(stanza, "not-acceptable", "modify");
  if (const Element* subject = stanza.child("subject", "jabber:client")) {
    room.subject = subject->text;
    return "<message type='groupchat' from=" + inQuotes(jid + "/" + nick) + "><subject>" +
           escapeXml(room.subject) + "</subject></message>";
  }
  room.archive.emplace_back("archived-" + std::to_string(room.archive.size()), stanza.attribute("id"));
  if (!_world.reflectsIds) return "<message type='groupchat' from=" + inQuotes(jid + "/" + nick) + "/>";
  return "<message type='groupchat' from=" + inQuotes(jid + "/" + nick) +
         " id=" + inQuotes(stanza.attribute("id")) + "><body>" + escapeXml(body) +
         "</body><stanza-id xmlns='urn:xmpp:sid:0' by=" + inQuotes(jid) +
         " id=" + inQuotes(room.archive.back().first) + "/></message>";
}

}  // namespace xmpp::testing
