#pragma once

#include "plugin/call/host_call.hpp"
#include "plugin/service/destination.hpp"

#include <Poco/Net/StreamSocket.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dispatch::plugin {

/// A connection broke, was not made in time, or was cancelled. What that means for the request, only its
/// protocol knows.
class ConnectionFailure : public std::runtime_error {
 public:
  enum class Why { broken, deadline, cancelled };
  ConnectionFailure(Why why, const std::string& message) : std::runtime_error(message), _why(why) {}
  Why why() const noexcept { return _why; }

 private:
  Why _why;
};

/// A byte stream to a granted destination, over TCP or TLS. Every operation keeps the deadline of the call it
/// is made for, and ends when that call is cancelled. Used by one thread at a time; close() may come from
/// another.
class Connection {
 public:
  /// Resolves, checks the address against the grants, and connects to exactly that address. Throws
  /// ServiceRefusal: DENIED where the operator has not granted it, UNAVAILABLE where there is no connection
  /// (nothing was sent then, whatever the cause).
  Connection(HostCall& call, const Grants& grants, Destination destination);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Speaks TLS 1.2 or later from here on; the certificate must be valid for the destination's name, unless
  /// `allowUntrusted` and the operator granted that, too. Throws ServiceRefusal: DENIED for the certificate,
  /// UNAVAILABLE for anything else; INVALID where bytes came before TLS (RFC 3207 section 5: they would count
  /// as protected).
  void startTls(HostCall& call, const Grants& grants, bool allowUntrusted);
  bool secure() const noexcept { return _secure; }
  /// Does the operator allow any certificate here?
  bool untrustedGranted(const Grants& grants) const { return grants.untrustedTls(_destination, _address); }

  /// At least one byte, at most `size`; 0 = the peer closed. Throws ConnectionFailure.
  std::size_t read(HostCall& call, char* buffer, std::size_t size);
  /// All of it. Throws ConnectionFailure.
  void write(HostCall& call, std::string_view bytes);

  /// [any-thread] Ends whatever waits; the descriptor goes with the object.
  void close() noexcept;

  const Destination& destination() const noexcept { return _destination; }

 private:
  void connect(HostCall& call, const Poco::Net::IPAddress& address, std::uint64_t withinNs);
  void applyTimeout(HostCall& call);
  [[noreturn]] void failed(HostCall& call, const std::string& doing, const std::string& error);

  Destination _destination;
  Poco::Net::IPAddress _address;
  Poco::Net::StreamSocket _socket;
  bool _secure = false;
  bool _used = false;  ///< something was read or written in the clear
};

}  // namespace dispatch::plugin
