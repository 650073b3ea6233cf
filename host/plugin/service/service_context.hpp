#pragma once

#include "plugin/call/host_call.hpp"
#include "plugin/library.hpp"
#include "plugin/outside.hpp"
#include "plugin/package/package.hpp"
#include "plugin/service/command.hpp"
#include "plugin/service/denials.hpp"
#include "plugin/service/destination.hpp"
#include "plugin/service/http_network.hpp"
#include "plugin/service/metric_store.hpp"
#include "plugin/service/outbound.hpp"
#include "plugin/service/secret_box.hpp"

#include <dispatch/abi.h>

#include <Poco/Logger.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace dispatch::plugin {

/// Lets a burst pass, then so many a second; the rest is counted. [any-thread]
class Gate {
 public:
  Gate(double burst, double perSecond) : _burst(burst), _perSecond(perSecond), _tokens(burst) {}
  /// True if one may pass now; `dropped` is then how many did not since the last one that did.
  bool pass(std::uint64_t nowNs, std::uint64_t& dropped);

 private:
  const double _burst, _perSecond;
  std::mutex _mutex;
  double _tokens;
  std::uint64_t _lastNs = 0, _dropped = 0;
};

/// What one instance's services work on: the other side of the dispatch_host that its plugin holds.
class ServiceContext {
 public:
  ServiceContext(const Manifest& manifest, Scope scope, Outside& outside, std::vector<Allowance> allowances,
                 std::vector<Command> commands = {});
  ~ServiceContext();  ///< closes the streams that are still open
  ServiceContext(const ServiceContext&) = delete;
  ServiceContext& operator=(const ServiceContext&) = delete;

  static ServiceContext& of(const dispatch_host* host);  ///< throws ServiceRefusal(INVALID) for NULL

  const dispatch_host* host() const noexcept { return &_host; }
  const Manifest& manifest() const noexcept { return _manifest; }
  const Scope& scope() const noexcept { return _scope; }
  Outside& outside() noexcept { return _outside; }
  Poco::Logger& logger() noexcept { return _logger; }
  Gate& logGate() noexcept { return _logGate; }
  Denials& denials() noexcept { return _denials; }
  Gate& auditGate() noexcept { return _auditGate; }
  const std::vector<Command>& commands() const noexcept { return _commands; }
  MetricStore& metrics() noexcept { return _metrics; }
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
  /// What plugin.json asks for in the list permissions.`kind`, and the operator granted by enabling it.
  /// Throws ServiceRefusal(DENIED) for anything else.
  void needPermission(const char* kind, const std::string& value) const;

  // Open streams of dispatch.stream/1 (service_stream.cpp).
  void addStream(dispatch_stream* stream);
  bool removeStream(dispatch_stream* stream);  ///< false: not one of this instance's open streams

 private:
  static const void* serviceEntry(const dispatch_host* host, dispatch_str id) noexcept;

  dispatch_host _host{};
  Manifest _manifest;
  Scope _scope;
  Outside& _outside;
  std::vector<Allowance> _allowances;
  Poco::Logger& _logger;
  std::vector<Command> _commands;
  Gate _logGate{200, 50}, _auditGate{100, 1};
  MetricStore _metrics;
  SecretBox _secrets;
  OutboundLog _outbound;
  std::shared_ptr<const Library> _library;
  std::shared_ptr<HttpNetwork> _httpNetwork;
  mutable std::mutex _mutex;
  std::shared_ptr<const Grants> _grants;
  std::set<dispatch_stream*> _streams;
  Denials _denials;
};

/// May a plugin of that manifest use the service `id`? Most are for all; some need a word in its permissions.
bool serviceGranted(const Manifest& manifest, std::string_view id);

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
const void* metricService() noexcept;
const void* execService() noexcept;
const void* auditService() noexcept;

/// Closes and frees a stream that removeStream() gave up.
void destroyStream(dispatch_stream* stream) noexcept;

}  // namespace dispatch::plugin
