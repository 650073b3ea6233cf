#include "integrations/host_providers.hpp"

#include "integrations/roster.hpp"

#include "base/problem.hpp"

#include <Poco/Logger.h>

#include <algorithm>
#include <utility>

namespace dispatch::integrations {

HostProviders::HostProviders(plugin::Catalog& catalog, const EffectiveConfigurations& configurations,
                             const config::Settings& settings)
    : _catalog(catalog), _configurations(configurations), _settings(settings) {}

void HostProviders::bring(Provider& provider) {
  provider.retryAt = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  try {
    const auto installed = _catalog.find(provider.id);
    if (!installed || !installed->usable) {
      provider.reason = "The auth provider " + (installed ? installed->name() : provider.id) +
                        " (DISPATCH_AUTHENTICATION_PROVIDER_SLUG, " +
                        _settings.origin("DISPATCH_AUTHENTICATION_PROVIDER_SLUG").source + ") is " +
                        (installed ? "not usable: " + installed->reason : "not installed");
    } else if (installed->manifest.type != "auth-provider") {
      provider.reason =
          "The plugin " + provider.id + " is of type " + installed->manifest.type + ", not an auth provider";
    } else {
      provider.instance =
          startInstance(_catalog, {provider.id, 0, 0, 0}, _configurations.ofHost(installed->manifest));
      provider.reason.clear();
      return;
    }
  } catch (const std::exception& error) {
    provider.reason = "The auth provider " + provider.id + " cannot start: " + error.what();
  }
  Poco::Logger::get("dispatch.integrations").error("%s", provider.reason);
}

void HostProviders::start() {
  std::lock_guard lock(_mutex);
  for (const auto& id : _settings.list("DISPATCH_AUTHENTICATION_PROVIDER_SLUG")) {
    Provider provider;
    provider.id = id;
    bring(provider);
    _providers.push_back(std::move(provider));
  }
}

void HostProviders::stop() {
  std::vector<Provider> providers;
  {
    std::lock_guard lock(_mutex);
    _stopped = true;
    providers.swap(_providers);
  }
  for (auto& provider : providers)
    if (provider.instance) provider.instance->drainAndStop();
}

std::optional<HostProviders::Replaced> HostProviders::reload(const std::string& pluginId) {
  {
    std::lock_guard lock(_mutex);
    if (_stopped || std::none_of(_providers.begin(), _providers.end(),
                                 [&](const Provider& provider) { return provider.id == pluginId; }))
      return std::nullopt;
  }
  // Beside the old one, which logs people in meanwhile.
  const auto installed = _catalog.find(pluginId);
  if (!installed)
    throw Problem(Problem::Kind::notFound, "The auth provider " + pluginId + " is not installed any more");
  auto next = startInstance(_catalog, {pluginId, 0, 0, 0}, _configurations.ofHost(installed->manifest));
  checkHealth(*next);
  Replaced replaced{"", next->manifest().version};
  std::shared_ptr<plugin::Instance> before;
  {
    std::lock_guard lock(_mutex);
    for (auto& provider : _providers)
      if (provider.id == pluginId) {
        before = std::exchange(provider.instance, std::move(next));
        provider.reason.clear();
      }
  }
  if (!before) return replaced;
  replaced.from = before->manifest().version;
  endWhenIdle(std::move(before), std::chrono::seconds(10));
  return replaced;
}

std::vector<Serving> HostProviders::all() {
  std::lock_guard lock(_mutex);
  std::vector<Serving> serving;
  for (auto& provider : _providers) {
    if (!provider.instance && !_stopped && std::chrono::steady_clock::now() >= provider.retryAt)
      bring(provider);
    serving.push_back({provider.instance, 0, 1, provider.reason});
  }
  return serving;
}

}  // namespace dispatch::integrations
