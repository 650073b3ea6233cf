#pragma once

#include <Poco/Net/IPAddress.h>

#include <string>
#include <string_view>
#include <vector>

namespace Poco::Net {
class HTTPServerRequest;
}

namespace dispatch::http {

/// The proxies whose X-Forwarded-* fields are believed. Immutable. [any-thread]
class TrustedProxies {
 public:
  TrustedProxies() = default;  ///< trusts none
  /// "127.0.0.1, ::1, 10.0.0.0/8"; throws Problem(invalid) naming the part that is not an address or network.
  static TrustedProxies parse(std::string_view list);
  bool contains(const Poco::Net::IPAddress& address) const;
  bool empty() const { return _networks.empty(); }

 private:
  struct Network {
    Poco::Net::IPAddress address;
    unsigned bits;
  };
  std::vector<Network> _networks;
};

/// Who asks, and under which name they reached us.
struct ClientAddress {
  Poco::Net::IPAddress address;
  std::string scheme;  ///< "http" or "https"
  std::string host;  ///< with port if one was given; the request's Host unless a trusted proxy says otherwise
  bool forwarded = false;  ///< a trusted proxy's fields were used
};

/// Walks X-Forwarded-For from the right while the address is a trusted proxy's; the first that is not (or the
/// outermost) is the client. Scheme and host come from X-Forwarded-Proto and -Host only when the peer is
/// trusted, the rightmost value of each: what stands left of it may be the client's own invention.
ClientAddress resolve(const Poco::Net::HTTPServerRequest& request, const TrustedProxies& trusted);

}  // namespace dispatch::http
