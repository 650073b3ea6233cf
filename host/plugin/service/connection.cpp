#include "plugin/service/connection.hpp"

#include "plugin/service/resolver.hpp"
#include "plugin/service/service_support.hpp"
#include "plugin/service/tls_contexts.hpp"

#include <Poco/Net/NetException.h>
#include <Poco/Net/SSLException.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

namespace dispatch::plugin {

namespace {

// Without a deadline (a plugin's own thread has no call) nothing may wait for ever either.
constexpr std::uint64_t longestWaitNs = 600ull * 1'000'000'000ull;

Poco::Timespan spanOf(std::uint64_t ns) {
  return Poco::Timespan(static_cast<Poco::Timespan::TimeDiff>(std::max<std::uint64_t>(ns / 1000, 1000)));
}

std::string reasonOf(const Poco::Exception& error) {
  if (dynamic_cast<const Poco::Net::ConnectionRefusedException*>(&error) != nullptr)
    return "connection refused";
  if (dynamic_cast<const Poco::TimeoutException*>(&error) != nullptr) return "timed out";
  if (dynamic_cast<const Poco::Net::ConnectionResetException*>(&error) != nullptr)
    return "connection reset by peer";
  return oneLine(error.displayText(), 300);
}

[[noreturn]] void refuse(dispatch_status status, const std::string& message) {
  throw ServiceRefusal(status, message);
}

}  // namespace

Connection::Connection(HostCall& call, const Grants& grants, Destination destination)
    : _destination(std::move(destination)) {
  if (auto reason = grants.refusal(_destination)) refuse(DISPATCH_ERR_DENIED, *reason);
  std::vector<Poco::Net::IPAddress> allowed;
  std::string refused;
  for (const auto& address : resolve(call, _destination.host)) {
    if (auto reason = grants.refusal(_destination, address))
      refused = *reason;
    else
      allowed.push_back(address);
  }
  if (allowed.empty()) refuse(DISPATCH_ERR_DENIED, refused);
  std::string failures;
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    // An address that never answers must leave time for the next one.
    const auto remaining = std::min(call.remainingNs(), longestWaitNs);
    if (remaining == 0) break;
    try {
      connect(call, allowed[i], i + 1 < allowed.size() ? remaining / 2 : remaining);
      _address = allowed[i];
      return;
    } catch (const Poco::Exception& error) {
      failures += (failures.empty() ? "" : "; ") + allowed[i].toString() + ": " + reasonOf(error);
    }
  }
  if (call.cancelled() && call.cancelReason() == DISPATCH_ERR_CANCELLED)
    refuse(DISPATCH_ERR_UNAVAILABLE,
           "cancelled before " + _destination.text() + " was connected to; nothing was sent");
  refuse(DISPATCH_ERR_UNAVAILABLE, _destination.text() + " cannot be connected to: " +
                                       (failures.empty() ? std::string("no time was left") : failures));
}

Connection::~Connection() = default;

void Connection::connect(HostCall& call, const Poco::Net::IPAddress& address, std::uint64_t withinNs) {
  Poco::Net::StreamSocket socket(address.family());
  const int descriptor = socket.impl()->sockfd();
  const HostCall::Hook hook(call, [descriptor] { ::shutdown(descriptor, SHUT_RDWR); });
  socket.connect(Poco::Net::SocketAddress(address, static_cast<Poco::UInt16>(_destination.port)),
                 spanOf(withinNs));
  socket.setNoDelay(true);
  _socket = socket;
}

void Connection::applyTimeout(HostCall& call) {
  const auto remaining = std::min(call.remainingNs(), longestWaitNs);
  _socket.setReceiveTimeout(spanOf(remaining));
  _socket.setSendTimeout(spanOf(remaining));
}

void Connection::failed(HostCall& call, const std::string& doing, const std::string& error) {
  const auto where = doing + ' ' + _destination.text();
  if (call.cancelled() && call.cancelReason() == DISPATCH_ERR_CANCELLED)
    throw ConnectionFailure(ConnectionFailure::Why::cancelled, "cancelled while " + where);
  if (call.remainingNs() == 0)
    throw ConnectionFailure(ConnectionFailure::Why::deadline, "the deadline passed while " + where);
  throw ConnectionFailure(ConnectionFailure::Why::broken, where + ": " + error);
}

void Connection::startTls(HostCall& call, const Grants& grants, bool allowUntrusted) {
  if (_secure) refuse(DISPATCH_ERR_INVALID, _destination.text() + " speaks TLS already");
  const bool untrusted = grants.untrustedTls(_destination, _address);
  if (allowUntrusted && !untrusted)
    refuse(
        DISPATCH_ERR_DENIED,
        "untrusted certificates of " + _destination.text() +
            " are not allowed. The operator can, in dispatch.yaml under `allow:` with untrusted_tls: true.");
  char byte = 0;
  if (_used && ::recv(_socket.impl()->sockfd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
    refuse(DISPATCH_ERR_INVALID,
           _destination.text() +
               " sent more before TLS began. Somebody between may have put it there (RFC 3207), so "
               "the connection is given up.");
  const int descriptor = _socket.impl()->sockfd();
  const HostCall::Hook hook(call, [descriptor] { ::shutdown(descriptor, SHUT_RDWR); });
  try {
    applyTimeout(call);
    const auto context = tlsContext(grants.caFile(_destination, _address), allowUntrusted && untrusted);
    _socket = Poco::Net::SecureStreamSocket::attach(_socket, _destination.host, context);
    _secure = true;
  } catch (const Poco::Exception& error) {
    ERR_clear_error();
    close();
    const bool certificate =
        dynamic_cast<const Poco::Net::CertificateValidationException*>(&error) != nullptr ||
        error.displayText().find("certificate verify failed") != std::string::npos;
    if (call.remainingNs() == 0)
      refuse(DISPATCH_ERR_UNAVAILABLE,
             _destination.text() + " did not finish the TLS handshake in time; nothing was sent");
    if (certificate)
      refuse(DISPATCH_ERR_DENIED,
             "the TLS certificate of " + _destination.text() +
                 " is not valid for that name or not from an authority this host trusts (" +
                 oneLine(error.displayText(), 200) +
                 "). A private authority can be named in dispatch.yaml under `allow:` with ca_file.");
    refuse(DISPATCH_ERR_UNAVAILABLE,
           _destination.text() + " does not speak TLS with this host: " + reasonOf(error));
  }
}

std::size_t Connection::read(HostCall& call, char* buffer, std::size_t size) {
  _used = true;
  const int descriptor = _socket.impl()->sockfd();
  const HostCall::Hook hook(call, [descriptor] { ::shutdown(descriptor, SHUT_RDWR); });
  try {
    applyTimeout(call);
    const int count = _socket.receiveBytes(buffer, static_cast<int>(std::min<std::size_t>(size, 1u << 20)));
    // A cancellation ends the wait by shutting the socket down, which reads as the peer's end.
    if (count <= 0 && call.remainingNs() == 0) failed(call, "reading from", "closed");
    return count <= 0 ? 0 : static_cast<std::size_t>(count);
  } catch (const Poco::Exception& error) {
    ERR_clear_error();
    failed(call, "reading from", reasonOf(error));
  }
}

void Connection::write(HostCall& call, std::string_view bytes) {
  _used = true;
  const int descriptor = _socket.impl()->sockfd();
  const HostCall::Hook hook(call, [descriptor] { ::shutdown(descriptor, SHUT_RDWR); });
  try {
    while (!bytes.empty()) {
      applyTimeout(call);
      const int count = _socket.sendBytes(
          bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1u << 20)), MSG_NOSIGNAL);
      if (count <= 0) failed(call, "writing to", "closed");
      bytes.remove_prefix(static_cast<std::size_t>(count));
      if (call.remainingNs() == 0 && !bytes.empty()) failed(call, "writing to", "too slow");
    }
  } catch (const Poco::Exception& error) {
    ERR_clear_error();
    failed(call, "writing to", reasonOf(error));
  }
}

void Connection::close() noexcept {
  try {
    ::shutdown(_socket.impl()->sockfd(), SHUT_RDWR);
  } catch (...) {
    // Was not open.
  }
}

}  // namespace dispatch::plugin
