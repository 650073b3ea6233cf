#pragma once

#include "xml.hpp"

#include <dispatch/testing.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace xmpp::testing {

/// How the server behaves, and what it saw. People have accounts by their bare JID.
struct World {
  struct Room {
    std::map<std::string, std::string> form;         ///< settings by their var
    std::map<std::string, std::string> affiliation;  ///< bare JID -> member, admin, owner
    struct Occupant {
      std::string jid, role;
    };
    std::map<std::string, Occupant> occupants;  ///< by nick
    std::string subject;
    std::vector<std::pair<std::string, std::string>> archive;  ///< archive's id, origin's id
  };
  std::map<std::string, Room> rooms;
  std::set<std::string> people{"grace@example.com", "alan@example.com"};
  std::string mechanisms = "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN", password = "s3cret";
  std::string failure;    ///< of every login: a SASL condition
  std::string challenge;  ///< in place of SCRAM's own
  std::string jid = "dispatch@example.com/xyz";
  std::string smuggled;                       ///< sent in clear behind <proceed/>
  std::string instead;                        ///< in place of the stream's beginning
  std::string hangUpAt;                       ///< part of a stanza that ends the connection without an answer
  std::map<std::string, std::string> refuse;  ///< part of a stanza -> "condition type" of the error for it
  std::set<std::string> lacking;  ///< fields that a room's form does not have, features a room does not tell
  bool offersTls = true, tlsWorks = true, archives = true, reflectsIds = true, ownerOfNew = true;

  bool tls = false;
  std::vector<std::string> stanzas;   ///< as they came, whole
  std::vector<std::string> messages;  ///< "to: body" of all that were taken
  int lost = 0;                       ///< times hangUpAt happened
};

/// A server with multi-user chat, as far as the plugin goes.
class Server : public dispatch::testing::Peer {
 public:
  Server(World& world, bool tls) : _world(world) { world.tls = tls; }
  std::string receive(const std::string& bytes) override;
  bool startTls() override;
  bool closed() const override { return _closed; }

 private:
  std::string begin();
  std::string answer(const Element& stanza);
  std::string login(const Element& step);
  std::string iq(const Element& stanza);
  std::string presence(const Element& stanza);
  std::string message(const Element& stanza);
  std::string room(World::Room& room, const std::string& jid, const Element& iq);
  std::string toRoom(World::Room& room, const std::string& jid, const Element& stanza);

  World& _world;
  StreamParser _parser;
  std::string _clientFirst, _serverFirst, _salted;
  bool _greeted = false, _closed = false, _loggedIn = false;
};

}  // namespace xmpp::testing
