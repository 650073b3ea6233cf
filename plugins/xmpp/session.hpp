#pragma once

#include "scram.hpp"
#include "settings.hpp"
#include "xml.hpp"

#include <dispatch/sdk/stream.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xmpp {

namespace ns {
constexpr std::string_view client = "jabber:client";
constexpr std::string_view stanzas = "urn:ietf:params:xml:ns:xmpp-stanzas";
constexpr std::string_view stream = "http://etherx.jabber.org/streams";
constexpr std::string_view ping = "urn:xmpp:ping";
}  // namespace ns

/// What a stanza of type "error" says (RFC 6120 section 8.3).
class StanzaFailure : public dispatch::Failure {
 public:
  /// `what` was tried; the server's words are added.
  StanzaFailure(const std::string& what, const Element& stanza);
  const std::string& condition() const noexcept { return _condition; }

 private:
  StanzaFailure(const std::string& what, std::string condition, std::string_view type, std::string_view text);
  std::string _condition;
};

/// The words of a stanza of type "error" for people: "item-not-found (No such room)".
std::string errorText(const Element& stanza);

/// One connection, from TCP to `</stream:stream>`. Each step throws Failure. A connection that breaks is
/// UNAVAILABLE, until effectMayHappen was called: from then on UNCERTAIN.
class Session {
 public:
  Session(const dispatch::Host& host, const dispatch::Call& call, const Settings& settings,
          ScramCache& cache);

  /// In this order; each returns what to tell about it.
  std::string connect();
  std::string secure();
  std::string login();
  std::string bind();
  /// All four.
  void open();
  void close() noexcept;

  const Settings& settings() const noexcept { return _settings; }
  const std::string& fullJid() const noexcept { return _fullJid; }
  std::string newId();

  void effectMayHappen(std::string what) { _effect = std::move(what); }
  void effectIsKnown() { _effect.clear(); }

  void send(const std::vector<Element>& stanzas);
  void send(const Element& stanza) { send(std::vector<Element>{stanza}); }
  /// The next message, presence, or answer to a request; requests to us are answered here.
  Element next();
  /// A request (RFC 6120 section 8.2.3) and its result. Throws StanzaFailure that begins with `what`.
  /// `behind`: stanzas that go out together with it.
  Element request(const std::string& what, std::string_view type, std::string_view to, Element payload,
                  const std::vector<Element>& behind = {});
  /// Waits until `to` has worked on all that was sent to it (order is kept: RFC 6120 section 10.1; `to`
  /// empty: the server, and what is in it), and answers what was refused of all messages until now: id -> the
  /// error stanza. What other servers refuse may not be known by then. `seen` is given what comes meanwhile.
  std::map<std::string, Element, std::less<>> settle(std::string_view to = {},
                                                     const std::function<void(const Element&)>& seen = {});

 private:
  void restart();
  void write(const std::vector<dispatch::Part>& parts);
  Element nextElement();
  std::string authenticate(const std::string& mechanism);
  Element saslStep(std::vector<dispatch::Part> parts);
  std::string where() const;
  dispatch::Failure lost(const dispatch::Failure& failure, const std::string& what) const;

  dispatch::Host _host;
  const dispatch::Call& _call;
  const Settings& _settings;
  ScramCache& _cache;
  std::string _effect;  ///< what was asked for and not answered; empty: nothing that matters
  dispatch::Stream _stream;
  StreamParser _parser;
  Element _features;
  std::string _fullJid, _idPrefix;
  std::map<std::string, Element, std::less<>> _refused;
  std::size_t _received = 0;
  unsigned _ids = 0;
};

}  // namespace xmpp
