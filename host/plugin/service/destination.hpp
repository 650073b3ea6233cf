#pragma once

#include "plugin/outside.hpp"
#include "plugin/package/package.hpp"

#include <Poco/Net/IPAddress.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// Where a plugin wants to go: names in lower case, without a final dot; IPv6 addresses without brackets.
struct Destination {
  std::string scheme;  ///< "http", "https" or "stream"
  std::string host;
  int port = 0;

  std::string text() const;  ///< "https://slack.com:443"
};

/// The parts of an absolute http(s) URL that a request needs. Throws ServiceRefusal(INVALID) for anything
/// else: another scheme, user information, control characters, spaces, a port out of range.
struct Url {
  Destination destination;
  std::string target;     ///< path and query, at least "/"
  std::string authority;  ///< for the Host header

  static Url parse(std::string_view text);
  /// RFC 3986 section 5: `reference` as found in a Location header, against this URL.
  Url resolve(std::string_view reference) const;
};

/// What kind of address this is, decided on the address itself: names, decimal hosts and IPv4 inside IPv6 all
/// end here.
enum class AddressClass {
  global,
  local,   ///< private or loopback: needs an allowance by name, address or range
  special  ///< link-local (cloud metadata), multicast, unspecified and the like: needs one by address or
           ///< range
};
AddressClass classify(const Poco::Net::IPAddress& address);

/// Which destinations one instance may reach: what its manifest asks for, with the values of its
/// configuration, and what the operator allows beyond. Immutable. [any-thread]
class Grants {
 public:
  Grants(const Manifest& manifest, const Json& configuration, std::vector<Allowance> allowances);

  /// nullopt if granted; else why not and how to grant it.
  std::optional<std::string> refusal(const Destination& destination) const;
  /// The same for the address that the name turned out to have.
  std::optional<std::string> refusal(const Destination& destination,
                                     const Poco::Net::IPAddress& address) const;
  /// May any certificate be accepted there? Only the operator says so.
  bool untrustedTls(const Destination& destination, const Poco::Net::IPAddress& address) const;
  /// A file with further certificate authorities for it, or "".
  std::string caFile(const Destination& destination, const Poco::Net::IPAddress& address) const;

  bool anyHttp() const { return !_http.empty(); }
  bool anyStream() const { return !_stream.empty(); }

  /// A destination that the manifest asks for, and what that comes to under this configuration.
  struct Asked {
    std::string kind;     ///< "http" or "stream"
    std::string what;     ///< as the manifest has it: "*.slack.com", or "setting url"
    std::string granted;  ///< "https://*.slack.com:443"; "" = nothing
  };
  const std::vector<Asked>& asked() const { return _asked; }  ///< in the manifest's order
  /// What the operator allows this plugin beyond.
  const std::vector<Allowance>& allowances() const { return _allowances; }

 private:
  struct Grant {
    std::string scheme;  ///< "" = https, or http where the operator's own setting says so
    std::string host;    ///< "*.slack.com" covers every name below slack.com
    int port;            ///< 0 = any
    std::string text() const;
  };
  static std::optional<Grant> httpGrant(const std::string& text, bool fromSetting);
  static std::optional<Grant> streamGrant(const Json& entry, const Json& configuration);
  const Allowance* allowance(const Destination& destination, const Poco::Net::IPAddress& address) const;

  std::string _pluginId;
  std::vector<Grant> _http, _stream;
  std::vector<Asked> _asked;
  std::vector<Allowance> _allowances;
};

}  // namespace dispatch::plugin
