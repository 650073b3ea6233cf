#pragma once

#include "form.hpp"
#include "session.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace xmpp {

/// A room of XEP-0045, with us as its owner where a function says so. Everything throws Failure.
class Room {
 public:
  Room(Session& session, std::string jid) : _session(session), _jid(std::move(jid)) {}
  const std::string& jid() const noexcept { return _jid; }

  struct Info {
    std::string name;
    std::set<std::string, std::less<>> features;  ///< "muc_membersonly", "urn:xmpp:mam:2", …
  };
  /// Nothing where there is no such room (section 6.4).
  std::optional<Info> info();
  /// Throws Failure(NOT_FOUND) with what to do.
  Info needInfo();

  struct Occupant {
    std::string nick, jid;  ///< the bare JID, where we may see it
    std::string role, affiliation;
  };
  /// Goes in (section 7.2), with another nickname where ours is taken. Makes the room where there is none:
  /// answers whether it did.
  bool enter();
  void leave();
  /// Everybody but us; as of our entrance.
  const std::map<std::string, Occupant, std::less<>>& occupants() const noexcept { return _occupants; }

  /// Its settings (section 10.2); for the owner.
  Form configuration();
  void configure(const Form& form);
  /// Takes the room down, also a new one before it was configured (section 10.9).
  void destroy();

  /// Bare JIDs (sections 9.5, 10.5, 10.8). `affiliation`: "member", "admin", "owner".
  std::set<std::string, std::less<>> affiliated(const std::string& affiliation);
  void setAffiliation(const std::string& person, const std::string& affiliation,
                      const std::vector<Element>& behind = {});
  void setRole(const std::string& nick, const std::string& role);

  /// Makes somebody a member and invites them (XEP-0249), in one go, so that nobody is the one without the
  /// other. Answers the id of the invitation, for Session::settle.
  std::string invite(const std::string& person, const std::string& reason);

  /// Says something to everybody (section 7.4), in the room; `id` is the message's. Answers the archive's id
  /// of it, where the room tells one (XEP-0359), or `id`.
  std::string say(const Element& message, const std::string& id);
  /// Section 8.1; in the room.
  void setSubject(const std::string& subject);
  /// A message to one in the room (section 7.5), to be sent.
  Element whisper(const std::string& nick, const std::string& id, const std::string& body) const;

  /// The archive's id of the message that had `id` for its origin, among the newest 500 (XEP-0313 section 4).
  std::optional<std::string> inArchive(const std::string& id);

 private:
  void take(const Element& presence);

  Session& _session;
  std::string _jid, _nick;
  std::map<std::string, Occupant, std::less<>> _occupants;
};

/// A message with a body, to be addressed; `id` is its origin, too (XEP-0359).
Element messageOf(std::string_view type, const std::string& to, const std::string& id,
                  const std::string& body);

}  // namespace xmpp
