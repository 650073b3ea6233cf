#include "session.hpp"

#include "result.hpp"

#include <algorithm>

namespace ldap {

using dispatch::Call;
using dispatch::Failure;
using dispatch::Part;
using dispatch::quoteLine;

namespace {

constexpr std::size_t mostMessageBytes = 4U << 20U;
constexpr std::size_t chunk = 64U << 10U;
constexpr std::size_t pageSize = 50;

/// What went wrong below LDAP. Reading has no effect, so it can be tried again.
Failure withoutEffect(const Failure& failure, const std::string& what) {
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

}  // namespace

Session::Session(const dispatch::Host& host, const Call& call, const Settings& settings)
    : _host(host), _call(call), _settings(settings), _stream([&] {
        try {
          return dispatch::Stream(host, call,
                                  {settings.host, settings.port, settings.security == Security::tls,
                                   settings.acceptAnyCertificate});
        } catch (const Failure& failure) {
          throw withoutEffect(failure, "Could not connect to " + settings.where());
        }
      }()) {}

void Session::send(std::vector<Part> parts) {
  try {
    _stream.write(_call, parts);
  } catch (const Failure& failure) {
    throw withoutEffect(failure, "Lost " + where() + " while sending a request");
  }
}

std::string Session::notLdap(const char* why) const {
  // The record of a TLS alert (RFC 8446 section 5.1): that port speaks TLS from the first byte.
  if (_settings.security != Security::tls && _buffer.starts_with("\x15\x03"))
    return where() +
           " speaks TLS from the first byte: set \"security\" to tls, or \"port\" to one without (389).";
  return "What answers at " + where() + " does not speak LDAP, for " + why + ". Check \"host\" and \"port\".";
}

Message Session::nextMessage() {
  for (;;) {
    std::string bytes;
    try {
      const auto size = ber::elementSize(_buffer, mostMessageBytes);
      if (size && _buffer.size() >= *size) {
        bytes = _buffer.substr(0, *size);
        Message message = Message::parse(bytes);
        _buffer.erase(0, *size);
        return message;
      }
    } catch (const ber::Malformed& error) {
      throw Failure::unavailable(notLdap(error.what()));
    }
    try {
      bytes = _stream.read(_call, chunk);
      if (bytes.empty()) throw Failure::unavailable("The server closed the connection.");
    } catch (const Failure& failure) {
      throw withoutEffect(failure, "Lost " + where() + " while waiting for its answer");
    }
    _buffer += bytes;
  }
}

Message Session::receive(int id) {
  for (;;) {
    Message message = nextMessage();
    if (message.id == id && message.operation != operation::intermediateResponse) return message;
    if (message.id != 0) continue;
    // An unsolicited notification; there is one kind (RFC 4511 section 4.4).
    if (message.operation == operation::extendedResponse &&
        readResponseName(message) == noticeOfDisconnectionOid)
      throw refusal(where() + " ended the connection", readResult(message), "base_dn",
                    _settings.bindDn.empty());
  }
}

std::string Session::secure() {
  if (_settings.security == Security::plain) return "None, as set. Anybody on the way can read what is said.";
  if (_settings.security == Security::tls) return "TLS from the first byte.";
  const int id = ++_lastId;
  send({Part(encodeStartTls(id))});
  try {
    const Message message = receive(id);
    if (message.operation != operation::extendedResponse)
      throw ber::Malformed("it answers StartTLS with operation " + std::to_string(message.operation));
    const Result result = readResult(message);
    // protocolError: it does not know the request (RFC 4511 section 4.14.2).
    if (result.code == 2)
      throw Failure::denied(
          where() +
          " does not offer StartTLS, and nothing is sent in clear without your consent. Set "
          "\"security\" to tls if the server speaks TLS from the first byte (port 636), or "
          "to plain on a trusted network. It said: " +
          nameOf(result.code) + ", \"" + quoteLine(result.diagnostic) + "\".");
    if (result.code != 0) throw refusal(where() + " refused to begin TLS", result, "base_dn", true);
  } catch (const ber::Malformed& error) {
    throw Failure::unavailable(notLdap(error.what()));
  }
  if (!_buffer.empty())
    throw Failure::unavailable(where() +
                               " sent more in clear after it had agreed to TLS; somebody may be tampering.");
  try {
    _stream.startTls(_call);
  } catch (const Failure& failure) {
    throw withoutEffect(failure, "No TLS with " + where());
  }
  return "TLS after StartTLS.";
}

std::string Session::login() {
  // Who has not bound is anonymous (RFC 4511 section 4.2.1).
  if (_settings.bindDn.empty()) return "None, as set.";
  const int id = ++_lastId;
  send({Part::ldapBind(id, _settings.bindDn, _settings.password)});
  try {
    const Message message = receive(id);
    if (message.operation != operation::bindResponse)
      throw ber::Malformed("it answers a login with operation " + std::to_string(message.operation));
    const Result result = readResult(message);
    if (result.code != 0)
      throw refusal(where() + " did not accept the login \"" + quoteLine(_settings.bindDn, 200) + "\"",
                    result, "bind_dn", false);
  } catch (const ber::Malformed& error) {
    throw Failure::unavailable(notLdap(error.what()));
  }
  return "Logged in as " + quoteLine(_settings.bindDn, 200) + ".";
}

int Session::timeLimit() const {
  const auto deadline = _call.deadline();
  if (!deadline) return _settings.timeLimit;
  const auto left =
      std::chrono::duration_cast<std::chrono::seconds>(*deadline - dispatch::Clock(_host).monotonic());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, _settings.timeLimit));
}

Found Session::search(const Search& search) {
  Found found;
  if (search.filter.isNothing()) return found;
  // A single entry needs no pages.
  const bool paged = search.scope != Scope::base;
  const int size = paged ? static_cast<int>(std::min(search.most, pageSize)) : 0;
  std::string cookie;
  do {
    cookie = page(search, size, cookie, found);
    if (!cookie.empty() && found.entries.size() >= search.most) found.more = true;
  } while (!cookie.empty() && !found.more);
  if (found.entries.size() > search.most) {
    found.more = true;
    found.entries.resize(search.most);
  }
  return found;
}

std::string Session::page(const Search& search, int size, const std::string& cookie, Found& found) {
  SearchRequest request{search.base, search.scope, search.filter, search.attributes,
                        0,           timeLimit(),  size,          cookie};
  // For a server that knows no pages. The limit counts all pages together.
  if (size > 0) request.sizeLimit = static_cast<int>(search.most) + 1;
  const int id = ++_lastId;
  send({Part(encodeSearch(id, request))});
  try {
    for (;;) {
      const Message message = receive(id);
      if (message.operation == operation::searchEntry) {
        if (found.entries.size() > search.most + pageSize)
          throw Failure::unavailable(where() + " sends more entries than it was asked for.");
        found.entries.push_back(readEntry(message));
      } else if (message.operation == operation::searchReference) {
        for (std::string& one : readReference(message))
          if (found.references.size() < 16) found.references.push_back(std::move(one));
      } else if (message.operation == operation::searchDone) {
        const Result result = readResult(message);
        if (result.code == 4 && found.entries.size() >= search.most) {
          found.more = true;
          return {};
        }
        if (result.code != 0)
          throw refusal(where() + " did not search \"" + quoteLine(search.base, 200) + "\" for " +
                            quoteLine(search.filter.text(), 300),
                        result, search.baseSetting, _settings.bindDn.empty());
        return readPageCookie(message).value_or("");
      } else {
        throw ber::Malformed("it answers a search with operation " + std::to_string(message.operation));
      }
    }
  } catch (const ber::Malformed& error) {
    throw Failure::unavailable(notLdap(error.what()));
  }
}

void Session::unbind() noexcept {
  try {
    _stream.write(_call, encodeUnbind(++_lastId));
  } catch (...) {
    // Everything was read by now; a server that has gone already is no loss.
    return;
  }
}

}  // namespace ldap
