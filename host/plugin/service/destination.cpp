#include "plugin/service/destination.hpp"

#include "plugin/service/service_support.hpp"

#include <algorithm>
#include <charconv>

namespace dispatch::plugin {

namespace {

/// Lower case, without brackets and final dot. "" if it cannot be a host.
std::string hostName(std::string_view text) {
  std::string host = lowerCase(text);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  while (!host.empty() && host.back() == '.') host.pop_back();
  const bool sound = std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
  });
  return sound && host.size() <= 253 ? host : "";
}

std::optional<int> portNumber(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535)
    return std::nullopt;
  return port;
}

/// "host", "host:port", "[::1]:port" -> host as written, port or 0.
std::pair<std::string_view, std::optional<int>> splitAuthority(std::string_view authority) {
  const auto bracket = authority.rfind(']');
  const auto colon = authority.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket))
    return {authority, 0};
  if (bracket == std::string_view::npos && authority.find(':') != colon)
    return {authority, 0};  // a bare IPv6 address
  return {authority.substr(0, colon), portNumber(authority.substr(colon + 1))};
}

[[noreturn]] void refuseUrl(std::string_view url, const char* why) {
  throw ServiceRefusal(DISPATCH_ERR_INVALID,
                       "the URL " + oneLine(url.substr(0, url.find('?')), 200) + ' ' + why);
}

std::string shownHost(const std::string& host) {
  return host.find(':') == std::string::npos ? host : '[' + host + ']';
}

const Json* lookUp(const Json& configuration, const std::string& path) {
  const Json* node = &configuration;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const auto end = std::min(path.find('.', begin), path.size());
    if (!node->is_object()) return nullptr;
    const auto found = node->find(path.substr(begin, end - begin));
    if (found == node->end()) return nullptr;
    node = &*found;
    begin = end + 1;
  }
  return node;
}

bool hostMatches(const std::string& granted, const std::string& host) {
  if (granted.starts_with("*.")) return host.size() > granted.size() - 1 && host.ends_with(granted.substr(1));
  return granted == host;
}

bool inRange(const Poco::Net::IPAddress& address, const std::string& range) {
  const auto slash = range.find('/');
  Poco::Net::IPAddress network;
  if (!Poco::Net::IPAddress::tryParse(range.substr(0, slash), network) ||
      network.family() != address.family())
    return false;
  const unsigned bits = address.family() == Poco::Net::IPAddress::IPv4 ? 32 : 128;
  unsigned prefix = bits;
  if (slash != std::string::npos) {
    const auto* end = range.data() + range.size();
    const auto [last, error] = std::from_chars(range.data() + slash + 1, end, prefix);
    if (error != std::errc{} || last != end || prefix > bits) return false;
  }
  const auto* a = static_cast<const unsigned char*>(address.addr());
  const auto* b = static_cast<const unsigned char*>(network.addr());
  for (unsigned i = 0; i < prefix; ++i)
    if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1) != 0) return false;
  return true;
}

}  // namespace

std::string Destination::text() const {
  return (scheme == "stream" ? "" : scheme + "://") + shownHost(host) + ':' + std::to_string(port);
}

Url Url::parse(std::string_view text) {
  if (text.size() > 8192) refuseUrl(text, "is longer than 8,192 bytes");
  if (std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= 0x20 || byte >= 0x7f || c == '\\';
      }))
    refuseUrl(
        text,
        "holds a space, a backslash, a control character or a character outside ASCII; encode it with %");
  const auto colon = text.find("://");
  const auto scheme = colon == std::string_view::npos ? std::string() : lowerCase(text.substr(0, colon));
  if (scheme != "http" && scheme != "https") refuseUrl(text, "must begin with https:// or http://");
  auto rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  const auto authority = rest.substr(0, end);
  if (authority.find('@') != std::string_view::npos)
    refuseUrl(text.substr(0, colon + 3), "names a user before the host; send credentials by a header");
  const auto [host, port] = splitAuthority(authority);
  Url url;
  url.destination.scheme = scheme;
  url.destination.host = hostName(host);
  if (url.destination.host.empty()) refuseUrl(text, "names no valid host");
  if (!port) refuseUrl(text, "names a port that is not 1 to 65535");
  const int usual = scheme == "https" ? 443 : 80;
  url.destination.port = *port == 0 ? usual : *port;
  url.authority = shownHost(url.destination.host);
  if (url.destination.port != usual) url.authority += ':' + std::to_string(url.destination.port);
  url.target = std::string(rest.substr(end));
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  return url;
}

Url Url::resolve(std::string_view reference) const {
  reference = reference.substr(0, reference.find('#'));
  const auto scheme = reference.find("://");
  if (scheme != std::string_view::npos && reference.find_first_of("/?") > scheme) return parse(reference);
  if (reference.starts_with("//")) return parse(destination.scheme + ':' + std::string(reference));
  const auto base = destination.scheme + "://" + authority;
  if (reference.starts_with("/")) return parse(base + std::string(reference));
  const auto path = target.substr(0, target.find('?'));
  if (reference.starts_with("?")) return parse(base + path + std::string(reference));
  return parse(base + path.substr(0, path.rfind('/') + 1) + std::string(reference));
}

std::string Grants::Grant::text() const {
  return (scheme.empty() ? "" : scheme + "://") + shownHost(host) +
         (port == 0 ? std::string() : ':' + std::to_string(port));
}

std::optional<Grants::Grant> Grants::httpGrant(const std::string& text, bool fromSetting) {
  if (text.find("://") != std::string::npos) {
    try {
      const auto url = Url::parse(text);
      return Grant{url.destination.scheme, url.destination.host, url.destination.port};
    } catch (const ServiceRefusal&) {
      return std::nullopt;  // A setting that is no URL grants nothing; the request will say so.
    }
  }
  const bool below = text.starts_with("*.");
  const auto [host, port] = splitAuthority(below ? std::string_view(text).substr(2) : std::string_view(text));
  if (hostName(host).empty() || !port || (below && fromSetting)) return std::nullopt;
  return Grant{"https", (below ? "*." : "") + hostName(host), *port == 0 ? 443 : *port};
}

std::optional<Grants::Grant> Grants::streamGrant(const Json& entry, const Json& configuration) {
  Grant grant;
  if (entry.is_string()) {
    const auto text = entry.get<std::string>();
    const auto [host, port] = splitAuthority(text);
    grant.host = hostName(host);
    grant.port = port.value_or(-1);
  } else {
    const auto* host = lookUp(configuration, textOr(entry, "config"));
    if (host == nullptr || !host->is_string()) return std::nullopt;
    grant.host = hostName(host->get<std::string>());
    const auto* port = lookUp(configuration, textOr(entry, "port_config"));
    if (entry.contains("port_config"))
      grant.port = port != nullptr && port->is_number_integer() ? port->get<int>() : -1;
    else
      grant.port = entry.value("port", 0);
  }
  if (grant.host.empty() || grant.port < 0) return std::nullopt;
  return grant;
}

Grants::Grants(const Manifest& manifest, const Json& configuration, std::vector<Allowance> allowances)
    : _pluginId(manifest.id) {
  const auto permissions = [&](const char* kind) {
    const auto found = manifest.permissions.find(kind);
    return found != manifest.permissions.end() && found->is_array() ? *found : Json::array();
  };
  const auto add = [&](const char* kind, const Json& entry, std::vector<Grant>& to,
                       std::optional<Grant> grant) {
    const auto setting = textOr(entry, "config"), port = textOr(entry, "port_config");
    _asked.push_back({kind,
                      entry.is_string() ? entry.get<std::string>()
                                        : "setting " + setting + (port.empty() ? "" : ", port of " + port),
                      grant ? grant->text() : ""});
    if (grant) to.push_back(std::move(*grant));
  };
  for (const auto& entry : permissions("http")) {
    const auto* value = entry.is_string() ? &entry : lookUp(configuration, textOr(entry, "config"));
    add("http", entry, _http,
        value != nullptr && value->is_string() ? httpGrant(value->get<std::string>(), !entry.is_string())
                                               : std::nullopt);
  }
  for (const auto& entry : permissions("stream"))
    add("stream", entry, _stream, streamGrant(entry, configuration));
  for (auto& allowance : allowances)
    if (allowance.pluginId == "*" || allowance.pluginId == _pluginId) {
      if (allowance.host.find('/') == std::string::npos) allowance.host = hostName(allowance.host);
      _allowances.push_back(std::move(allowance));
    }
}

std::optional<std::string> Grants::refusal(const Destination& destination) const {
  const bool stream = destination.scheme == "stream";
  const auto& grants = stream ? _stream : _http;
  const bool granted = std::any_of(grants.begin(), grants.end(), [&](const Grant& grant) {
    return hostMatches(grant.host, destination.host) && (grant.port == 0 || grant.port == destination.port) &&
           (stream || grant.scheme == destination.scheme);
  });
  if (granted) return std::nullopt;
  std::string list;
  for (const auto& grant : grants) list += (list.empty() ? "" : ", ") + grant.text();
  return destination.text() + " is not a destination of this plugin. Its manifest and its settings grant " +
         (list.empty() ? std::string("none") : list) + ".";
}

const Allowance* Grants::allowance(const Destination& destination,
                                   const Poco::Net::IPAddress& address) const {
  const auto kind = classify(address);
  for (const auto& allowance : _allowances) {
    if (allowance.port != 0 && allowance.port != destination.port) continue;
    // A name says which machine is meant, not that it may be the cloud's metadata service.
    const bool byName = allowance.host == destination.host && kind != AddressClass::special;
    if (byName || inRange(address, allowance.host)) return &allowance;
  }
  return nullptr;
}

std::optional<std::string> Grants::refusal(const Destination& destination,
                                           const Poco::Net::IPAddress& address) const {
  const auto kind = classify(address);
  if (kind == AddressClass::global || allowance(destination, address) != nullptr) return std::nullopt;
  const bool local = kind == AddressClass::local;
  const auto entry = "- {plugin: " + _pluginId +
                     ", host: " + (local ? destination.host : address.toString()) +
                     ", port: " + std::to_string(destination.port) + "}";
  return destination.text() + " is the address " + address.toString() + ", " +
         (local ? "in a private network or on this machine" : "which is reserved for special purposes") +
         ". If that is meant, allow it in dispatch.yaml under `allow:` with " + entry + ".";
}

bool Grants::untrustedTls(const Destination& destination, const Poco::Net::IPAddress& address) const {
  const auto* found = allowance(destination, address);
  return found != nullptr && found->untrustedTls;
}

std::string Grants::caFile(const Destination& destination, const Poco::Net::IPAddress& address) const {
  const auto* found = allowance(destination, address);
  return found == nullptr ? "" : found->caFile;
}

}  // namespace dispatch::plugin
