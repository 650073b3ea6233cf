#include "plugin/service/service_context.hpp"

#include "plugin/service/service_support.hpp"
#include "wire/wire.hpp"

#include <algorithm>
#include <array>

namespace dispatch::plugin {

bool Gate::pass(std::uint64_t nowNs, std::uint64_t& dropped) {
  const std::lock_guard lock(_mutex);
  if (_lastNs != 0 && nowNs > _lastNs)
    _tokens = std::min(_burst, _tokens + static_cast<double>(nowNs - _lastNs) / 1e9 * _perSecond);
  _lastNs = nowNs;
  if (_tokens < 1) {
    ++_dropped;
    return false;
  }
  _tokens -= 1;
  dropped = std::exchange(_dropped, 0);
  return true;
}

ServiceContext::ServiceContext(const Manifest& manifest, Scope scope, Outside& outside,
                               std::vector<Allowance> allowances, std::vector<Command> commands)
    : _manifest(manifest),
      _scope(std::move(scope)),
      _outside(outside),
      _allowances(std::move(allowances)),
      _logger(Poco::Logger::get("dispatch.plugin." + manifest.id)),
      _commands(std::move(commands)),
      _metrics(manifest.metrics),
      _denials(_scope, _outside, _logger, manifest.id + ' ' + manifest.version) {
  static constexpr std::string_view name = "dispatch", version = DISPATCH_VERSION;
  _host.struct_size = sizeof _host;
  _host.abi_minor = DISPATCH_ABI_MINOR;
  _host.name = {name.data(), name.size()};
  _host.version = {version.data(), version.size()};
  _host.host_data = this;
  _host.service = serviceEntry;
}

ServiceContext::~ServiceContext() {
  for (auto* stream : _streams) destroyStream(stream);
}

ServiceContext& ServiceContext::of(const dispatch_host* host) {
  if (host == nullptr || host->host_data == nullptr)
    throw ServiceRefusal(DISPATCH_ERR_INVALID, "a service was used without its dispatch_host");
  return *static_cast<ServiceContext*>(host->host_data);
}

void ServiceContext::configure(const Configuration& configuration) {
  _secrets.take(configuration.secrets);
  auto grants = std::make_shared<const Grants>(_manifest, configuration.value, _allowances);
  const std::lock_guard lock(_mutex);
  _grants = std::move(grants);
}

std::shared_ptr<const Grants> ServiceContext::grants() const {
  const std::lock_guard lock(_mutex);
  return _grants;
}

void ServiceContext::needPermission(const char* kind, const std::string& value) const {
  const auto asked = _manifest.permissions.value(kind, Json::array());
  if (std::find(asked.begin(), asked.end(), Json(value)) != asked.end()) return;
  throw ServiceRefusal(DISPATCH_ERR_DENIED, "the manifest of " + _manifest.id + " does not ask for \"" +
                                                oneLine(value, 60) + "\" (permissions." + kind + ": " +
                                                oneLine(dumpJson(asked), 200) + ")");
}

void ServiceContext::addStream(dispatch_stream* stream) {
  const std::lock_guard lock(_mutex);
  _streams.insert(stream);
}

bool ServiceContext::removeStream(dispatch_stream* stream) {
  const std::lock_guard lock(_mutex);
  return _streams.erase(stream) == 1;
}

bool serviceGranted(const Manifest& manifest, std::string_view id) {
  const auto asks = [&](const char* kind) {
    const auto found = manifest.permissions.find(kind);
    return found != manifest.permissions.end() && found->is_array() && !found->empty();
  };
  if (id == DISPATCH_HTTP_1) return asks("http");
  if (id == DISPATCH_STREAM_1) return asks("stream");
  if (id == DISPATCH_EVENT_1) return asks("events");
  if (id == DISPATCH_EXEC_1) return asks("commands");
  if (id == DISPATCH_CREDENTIAL_1) {
    // The password store is for who proves identities, and only where the manifest says so in the open.
    const auto found = manifest.permissions.find("services");
    return manifest.type == "auth-provider" && found != manifest.permissions.end() && found->is_array() &&
           std::find(found->begin(), found->end(), DISPATCH_CREDENTIAL_1) != found->end();
  }
  return true;
}

const void* ServiceContext::serviceEntry(const dispatch_host* host, dispatch_str id) noexcept {
  struct Service {
    std::string_view id;
    const void* (*table)() noexcept;
  };
  static constexpr std::array<Service, wire::serviceIds.size()> services{
      {{DISPATCH_LOG_1, logService},
       {DISPATCH_CLOCK_1, clockService},
       {DISPATCH_HTTP_1, httpService},
       {DISPATCH_STREAM_1, streamService},
       {DISPATCH_CRYPTO_1, cryptoService},
       {DISPATCH_KV_1, kvService},
       {DISPATCH_DIRECTORY_1, directoryService},
       {DISPATCH_CREDENTIAL_1, credentialService},
       {DISPATCH_EVENT_1, eventService},
       {DISPATCH_METRIC_1, metricService},
       {DISPATCH_EXEC_1, execService},
       {DISPATCH_AUDIT_1, auditService}}};
  try {
    const auto wanted = checkedText(id, "the id of a service");
    auto& context = of(host);
    for (const auto& service : services) {
      if (service.id != wanted) continue;
      if (serviceGranted(context.manifest(), wanted)) return service.table();
      context.denials().service(wanted);
    }
  } catch (...) {
    // An id that cannot be read is the id of no service.
  }
  return nullptr;
}

}  // namespace dispatch::plugin
