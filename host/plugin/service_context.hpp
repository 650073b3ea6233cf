#pragma once

#include "plugin/destination.hpp"
#include "plugin/host_call.hpp"
#include "plugin/http_network.hpp"
#include "plugin/library.hpp"
#include "plugin/outbound.hpp"
#include "plugin/outside.hpp"
#include "plugin/package.hpp"
#include "plugin/secret_box.hpp"

#include <dispatch/abi.h>

#include <Poco/Logger.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace dispatch::plugin {

/// Lines of a plugin that reach the log: a burst, then so many a second; the rest is counted. [any-thread]
class LogGate {
 public:
  /// True if a line may pass now; `dropped` is then how many did not since the last one that did.
  bool pass(std::uint64_t nowNs, std::uint64_t& dropped);

 private:
  static constexpr double burst = 200, perSecond = 50;
  std::mutex _mutex;
  double _tokens = burst;
  std::uint64_t _lastNs = 0, _dropped = 0;
};

/// What one instance's services work on: the other side of the dispatch_host that its plugin holds.
class ServiceContext {
 public:
  ServiceContext(const Manifest& manifest, Scope scope, Outside& outside, std::vector<Allowance> allowances);
  ~ServiceContext();  ///< closes the streams that are still open
  ServiceContext(const ServiceContext&) = delete;
  ServiceContext& operator=(const ServiceContext&) = delete;

  static ServiceContext& of(const dispatch_host* host);  ///< throws ServiceRefusal(INVALID) for NULL

  const dispatch_host* host() const noexcept { return &_host; }
  const Manifest& manifest() const noexcept { return _manifest; }
  const Scope& scope() const noexcept { return _scope; }
  Outside& outside() noexcept { return _outside; }
  Poco::Logger& logger() noexcept { return _logger; }
  LogGate& logGate() noexcept { return _logGate; }
  SecretBox& secrets() noexcept { return _secrets; }
  const SecretBox& secrets() const noexcept { return _secrets; }
  OutboundLog& outbound() noexcept { return _outbound; }
  /// The library that the instance is made of; for the stubs of a worker's, which get no other word of it.
  void setLibrary(std::shared_ptr<const Library> library) { _library = std::move(library); }
  const std::shared_ptr<const Library>& library() const noexcept { return _library; }

  /// Who watches HTTP or stands in for it; set once, before the plugin is created.
  void setHttpNetwork(std::shared_ptr<HttpNetwork> network) { _httpNetwork = std::move(network); }
  HttpNetwork* httpNetwork() const noexcept { return _httpNetwork.get(); }

  /// A new configuration: its secrets and the destinations that follow from it.
  void configure(const Configuration& configuration);
  std::shared_ptr<const Grants> grants() const;

  // Open streams of dispatch.stream/1 (service_stream.cpp).
  void addStream(dispatch_stream* stream);
  bool removeStream(dispatch_stream* stream);  ///< false: not one of this instance's open streams

 private:
  static const void* serviceEntry(const dispatch_host* host, dispatch_str id) noexcept;
  bool granted(std::string_view id) const;

  dispatch_host _host{};
  Manifest _manifest;
  Scope _scope;
  Outside& _outside;
  std::vector<Allowance> _allowances;
  Poco::Logger& _logger;
  LogGate _logGate;
  SecretBox _secrets;
  OutboundLog _outbound;
  std::shared_ptr<const Library> _library;
  std::shared_ptr<HttpNetwork> _httpNetwork;
  mutable std::mutex _mutex;
  std::shared_ptr<const Grants> _grants;
  std::set<dispatch_stream*> _streams;
};

// The tables, one file each: service_<name>.cpp.
const void* logService() noexcept;
const void* clockService() noexcept;
const void* httpService() noexcept;
const void* streamService() noexcept;
const void* cryptoService() noexcept;
const void* kvService() noexcept;
const void* directoryService() noexcept;
const void* credentialService() noexcept;
const void* eventService() noexcept;

/// Closes and frees a stream that removeStream() gave up.
void destroyStream(dispatch_stream* stream) noexcept;

}  // namespace dispatch::plugin
