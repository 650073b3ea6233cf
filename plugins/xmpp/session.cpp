#include "session.hpp"

#include <set>
#include <utility>

namespace xmpp {

using dispatch::Call;
using dispatch::Failure;
using dispatch::Part;
using dispatch::quoteLine;

namespace {

constexpr std::string_view tlsNs = "urn:ietf:params:xml:ns:xmpp-tls";
constexpr std::string_view saslNs = "urn:ietf:params:xml:ns:xmpp-sasl";
constexpr std::string_view bindNs = "urn:ietf:params:xml:ns:xmpp-bind";
constexpr std::string_view streamErrors = "urn:ietf:params:xml:ns:xmpp-streams";
constexpr std::size_t maxReceived = 16U << 20U;  // of one call: a room with ten thousand people in it

/// The name of the first child in `space` other than <text/>.
std::string conditionOf(const Element& error, std::string_view space) {
  for (const Element& one : error.children)
    if (one.ns == space && one.name != "text") return one.name;
  return "undefined-condition";
}

std::string described(const std::string& condition, std::string_view text) {
  return condition + (text.empty() ? "" : " (" + quoteLine(text, 200) + ")");
}

dispatch_status statusOf(std::string_view condition, std::string_view type) {
  const auto oneOf = [&](std::initializer_list<std::string_view> list) {
    for (const auto& one : list)
      if (condition == one) return true;
    return false;
  };
  if (type == "wait" || oneOf({"internal-server-error", "remote-server-timeout", "resource-constraint"}))
    return DISPATCH_ERR_UNAVAILABLE;
  if (type == "auth" || oneOf({"forbidden", "not-allowed", "not-authorized", "policy-violation",
                               "registration-required", "subscription-required"}))
    return DISPATCH_ERR_DENIED;
  if (oneOf({"gone", "item-not-found", "recipient-unavailable", "remote-server-not-found"}))
    return DISPATCH_ERR_NOT_FOUND;
  return condition == "feature-not-implemented" ? DISPATCH_ERR_UNSUPPORTED : DISPATCH_ERR_INVALID;
}

/// Why the server ends the stream (RFC 6120 section 4.9.3).
Failure streamFailure(const std::string& where, const Element& error) {
  const std::string condition = conditionOf(error, streamErrors);
  const std::string message =
      where + " ended the connection: " + described(condition, error.childText("text", streamErrors));
  if (condition == "host-unknown" || condition == "host-gone")
    return Failure::invalid(message + ". The domain of setting \"account\" is none of this server's.");
  if (condition == "not-authorized" || condition == "policy-violation") return Failure::denied(message + ".");
  return Failure::unavailable(message + ".");
}

std::string hexOf(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) out += {digits[static_cast<unsigned char>(c) >> 4U], digits[c & 15]};
  return out;
}

}  // namespace

std::string errorText(const Element& stanza) {
  const Element* error = stanza.child("error", ns::client);
  if (error == nullptr) return "an error without a reason";
  return described(conditionOf(*error, ns::stanzas), error->childText("text", ns::stanzas));
}

StanzaFailure::StanzaFailure(const std::string& what, const Element& stanza)
    : StanzaFailure(what,
                    stanza.child("error", ns::client) == nullptr
                        ? "undefined-condition"
                        : conditionOf(*stanza.child("error", ns::client), ns::stanzas),
                    stanza.child("error", ns::client) == nullptr
                        ? ""
                        : stanza.child("error", ns::client)->attribute("type"),
                    errorText(stanza)) {}

StanzaFailure::StanzaFailure(const std::string& what, std::string condition, std::string_view type,
                             std::string_view text)
    : Failure(statusOf(condition, type), what + ": " + std::string(text) + "."),
      _condition(std::move(condition)) {}

Session::Session(const dispatch::Host& host, const Call& call, const Settings& settings, ScramCache& cache)
    : _host(host),
      _call(call),
      _settings(settings),
      _cache(cache),
      _stream([&] {
        try {
          return dispatch::Stream(
              host, call, {settings.host, settings.port, settings.directTls, settings.acceptAnyCertificate});
        } catch (const Failure& failure) {
          throw lost(failure, "Could not connect to " + where());
        }
      }()),
      _idPrefix(hexOf(dispatch::Crypto(host).random(8))) {}

std::string Session::where() const { return _settings.host + ":" + std::to_string(_settings.port); }

/// What went wrong below XMPP. Nothing has happened by then, unless a request is under way.
Failure Session::lost(const Failure& failure, const std::string& what) const {
  if (!_effect.empty())
    return Failure::uncertain(_effect + ", but its answer did not come: " + failure.message() +
                              " It may have happened.");
  switch (failure.status()) {
    case DISPATCH_ERR_INVALID:
    case DISPATCH_ERR_DENIED:
    case DISPATCH_ERR_UNSUPPORTED:
    case DISPATCH_ERR_LIMIT:
      return {failure.status(), what + ": " + failure.message(), failure.retryAfter()};
    default:
      return Failure::unavailable(what + ": " + failure.message(), failure.retryAfter());
  }
}

std::string Session::newId() { return _idPrefix + "-" + std::to_string(++_ids); }

void Session::write(const std::vector<Part>& parts) {
  try {
    _stream.write(_call, parts);
  } catch (const Failure& failure) {
    throw lost(failure, "Lost " + where() + " while sending");
  }
}

void Session::send(const std::vector<Element>& stanzas) {
  std::string text;
  for (const Element& one : stanzas) text += serialize(one, ns::client);
  write({Part(std::move(text))});
}

Element Session::nextElement() {
  try {
    for (;;) {
      if (auto element = _parser.take()) {
        if (!element->is("error", ns::stream)) return std::move(*element);
        const Failure ended = streamFailure(where(), *element);
        if (!_effect.empty()) throw lost(ended, "");
        throw ended;
      }
      if (_parser.ended()) throw Failure::unavailable("The server ended the stream.");
      const std::string bytes = _stream.read(_call, 16384);
      if (bytes.empty()) throw Failure::unavailable("The server closed the connection.");
      _received += bytes.size();
      if (_received > maxReceived) throw Failure::unavailable("The server sends without an end.");
      _parser.feed(bytes);
    }
  } catch (const Failure& failure) {
    if (failure.status() == DISPATCH_ERR_UNCERTAIN || failure.message().starts_with(where())) throw;
    throw lost(failure, "Lost " + where() + " while waiting for its answer");
  }
}

void Session::restart() {
  _parser = StreamParser();
  write(
      {Part("<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' xml:lang='en' to='" +
            escapeXml(_settings.account.domain) + "'>")});
  _features = nextElement();
  if (!_parser.header() || !_parser.header()->is("stream", ns::stream) ||
      !_features.is("features", ns::stream))
    throw Failure::unavailable("What answers at " + where() + " does not speak XMPP 1.0; it began with <" +
                               quoteLine(_parser.header() ? _parser.header()->name : "", 60) + ">.");
}

std::string Session::connect() {
  restart();
  return "Connected to " + where() + ", which serves " + _settings.account.domain + ".";
}

std::string Session::secure() {
  if (_settings.directTls) return "TLS from the first byte.";
  if (_features.child("starttls", tlsNs) == nullptr)
    throw Failure::denied(
        where() +
        " does not offer STARTTLS, and nothing is sent in clear. Set \"security\" to tls if "
        "the port speaks TLS from the first byte (often 5223), or turn TLS on in the server.");
  write({Part(serialize(tag("starttls", tlsNs), ns::client))});
  const Element answer = nextElement();
  if (!answer.is("proceed", tlsNs)) throw Failure::unavailable(where() + " refused to begin TLS.");
  if (!_parser.drained())
    throw Failure::unavailable(where() +
                               " sent more in clear after it had agreed to TLS; somebody may be tampering.");
  try {
    _stream.startTls(_call);
  } catch (const Failure& failure) {
    throw lost(failure, "No TLS with " + where());
  }
  // What was offered in clear may be somebody else's words (RFC 6120 section 5.4.3.3).
  restart();
  return "STARTTLS.";
}

Element Session::saslStep(std::vector<Part> parts) {
  write(parts);
  Element answer = nextElement();
  if (answer.is("failure", saslNs)) {
    _cache.forget();
    const std::string condition = conditionOf(answer, saslNs);
    const std::string message = where() + " did not accept " + quoteLine(_settings.account.bare(), 100) +
                                ": " + described(condition, answer.childText("text", saslNs));
    if (condition == "temporary-auth-failure") throw Failure::unavailable(message + ".");
    throw Failure::denied(message + ". Check settings \"account\" and \"password\".");
  }
  if (answer.ns != saslNs || (answer.name != "challenge" && answer.name != "success"))
    throw Failure::unavailable(where() + " answered a login with <" + quoteLine(answer.name, 60) + ">.");
  return answer;
}

std::string Session::authenticate(const std::string& mechanism) {
  const std::string open = "<auth xmlns='" + std::string(saslNs) + "' mechanism='" + mechanism + "'>";
  const auto decoded = [&](const Element& answer) {
    return dispatch::base64Decode(dispatch::trim(answer.text)).value_or("");
  };
  if (mechanism == "PLAIN") {
    const Element answer =
        saslStep({Part(open), Part::saslPlain(_settings.account.local, _settings.password), Part("</auth>")});
    if (answer.name != "success")
      throw Failure::denied(where() + " asked for more than user name and password.");
    return "PLAIN, inside of TLS.";
  }
  const dispatch::Crypto crypto(_host);
  Scram scram(_call, crypto, _cache, _settings.password, mechanism == "SCRAM-SHA-1" ? "sha1" : "sha256",
              _settings.account.local, dispatch::base64Encode(crypto.random(18)));
  const Element challenge = saslStep({Part(open + dispatch::base64Encode(scram.first()) + "</auth>")});
  if (challenge.name != "challenge")
    throw Failure::denied(where() + " let us in before it had asked for a proof.");
  Element last = saslStep({Part("<response xmlns='" + std::string(saslNs) + "'>" +
                                dispatch::base64Encode(scram.proof(decoded(challenge))) + "</response>")});
  const bool genuine = scram.verifies(decoded(last));
  // A server may send its proof as a challenge of its own (RFC 6120 section 6.4.6).
  if (genuine && last.name == "challenge")
    last = saslStep({Part("<response xmlns='" + std::string(saslNs) + "'/>")});
  if (!genuine || last.name != "success")
    throw Failure::denied(where() +
                          " could not prove that it knows the password: it may not be your server.");
  return mechanism + ", and the server proved that it knows the password.";
}

std::string Session::login() {
  std::set<std::string> offered;
  if (const Element* list = _features.child("mechanisms", saslNs))
    for (const Element& one : list->children)
      if (one.is("mechanism", saslNs)) offered.insert(std::string(dispatch::trim(one.text)));
  std::string list, mechanism;
  for (const auto& one : offered) list += (list.empty() ? "" : ", ") + one;
  for (const char* one : {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}) {
    const bool plain = std::string_view(one) == "PLAIN";
    const bool wanted = _settings.login == Login::automatic || plain == (_settings.login == Login::plain);
    // Who the server is has to be certain before it may see the password.
    const bool safe = !plain || !_settings.acceptAnyCertificate;
    if (wanted && safe && mechanism.empty() && offered.contains(one)) mechanism = one;
  }
  if (mechanism.empty())
    throw Failure::denied(where() + " offers " +
                          (list.empty() ? "no login here" : "the login methods " + quoteLine(list)) +
                          ", and this plugin may use " +
                          (_settings.login == Login::plain ? "PLAIN"
                           : _settings.login == Login::scram || _settings.acceptAnyCertificate
                               ? "SCRAM-SHA-256 or SCRAM-SHA-1"
                               : "SCRAM-SHA-256, SCRAM-SHA-1 or PLAIN") +
                          ". Change setting \"auth\", or what the server offers.");
  std::string how = authenticate(mechanism);
  restart();
  return how;
}

std::string Session::bind() {
  Element payload = tag("bind", bindNs);
  // No resource of our own: the server makes one, so that connections do not throw each other out.
  const Element result =
      request(where() + " gives no address to this connection", "set", "", std::move(payload));
  const Element* bound = result.child("bind", bindNs);
  _fullJid = bound == nullptr ? "" : bound->childText("jid", bindNs);
  if (bareOf(_fullJid) != _settings.account.bare())
    throw Failure::invalid(where() + " calls us \"" + quoteLine(_fullJid, 100) +
                           "\", but setting \"account\" is " + _settings.account.bare() +
                           ". Enter the account's full XMPP address there.");
  return "Logged in as " + _settings.account.bare() + ".";
}

void Session::open() {
  (void)connect();
  (void)secure();
  (void)login();
  (void)bind();
}

void Session::close() noexcept {
  try {
    _stream.write(_call, "</stream:stream>");
  } catch (...) {
    // All is known by now; a server that has gone already is no loss.
    return;
  }
}

Element Session::next() {
  for (;;) {
    Element stanza = nextElement();
    if (stanza.ns != ns::client) continue;
    const std::string type = stanza.attribute("type");
    if (stanza.name == "message" && type == "error") _refused[stanza.attribute("id")] = stanza;
    if (stanza.name != "iq" || (type != "get" && type != "set")) return stanza;
    // RFC 6120 section 8.2.3: whoever asks gets an answer, if only that we do not know.
    Element error = tag("error", ns::client);
    error.with("type", "cancel").add(tag("service-unavailable", ns::stanzas));
    send(tag("iq", ns::client)
             .with("type", "error")
             .with("id", stanza.attribute("id"))
             .with("to", stanza.attribute("from"))
             .add(std::move(error)));
  }
}

Element Session::request(const std::string& what, std::string_view type, std::string_view to, Element payload,
                         const std::vector<Element>& behind) {
  const std::string id = newId();
  Element iq = tag("iq", ns::client);
  iq.with("type", std::string(type)).with("id", id).add(std::move(payload));
  if (!to.empty()) iq.with("to", std::string(to));
  std::vector<Element> all{std::move(iq)};
  all.insert(all.end(), behind.begin(), behind.end());
  send(all);
  for (;;) {
    Element answer = next();
    if (answer.name != "iq" || answer.attribute("id") != id) continue;
    if (answer.attribute("type") == "error") throw StanzaFailure(what, answer);
    return answer;
  }
}

std::map<std::string, Element, std::less<>> Session::settle(std::string_view to,
                                                            const std::function<void(const Element&)>& seen) {
  const std::string id = newId();
  Element iq = tag("iq", ns::client);
  iq.with("type", "get").with("id", id).with("to", to.empty() ? _settings.account.domain : std::string(to));
  send(iq.add(tag("ping", ns::ping)));
  for (;;) {
    const Element answer = next();
    // Whether it knows pings (XEP-0199) is all the same: an error is an answer.
    if (answer.name == "iq" && answer.attribute("id") == id) return std::exchange(_refused, {});
    if (seen) seen(answer);
  }
}

}  // namespace xmpp
