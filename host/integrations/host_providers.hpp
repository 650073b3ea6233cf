#pragma once

#include "integrations/effective.hpp"
#include "integrations/integrations.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

namespace dispatch::integrations {

/// The auth providers of the installation, in the order of DISPATCH_AUTHENTICATION_PROVIDER_SLUG, configured
/// by DISPATCH_PLUGIN_<ID>_<FIELD>. One that cannot start is tried again when it is asked for, at most every
/// few seconds. [any-thread]
class HostProviders {
 public:
  HostProviders(plugin::Catalog& catalog, const EffectiveConfigurations& configurations,
                const config::Settings& settings);

  void start();
  void stop();
  std::vector<Serving> all();
  /// As Roster::reload; nothing if the plugin is no provider of this installation. Throws Problem where the
  /// old one goes on.
  struct Replaced {
    std::string from, to;
  };
  std::optional<Replaced> reload(const std::string& pluginId);

 private:
  struct Provider {
    std::string id;
    std::shared_ptr<plugin::Instance> instance;
    std::string reason;
    std::chrono::steady_clock::time_point retryAt;
  };
  void bring(Provider& provider);

  plugin::Catalog& _catalog;
  const EffectiveConfigurations& _configurations;
  const config::Settings& _settings;
  std::mutex _mutex;
  std::vector<Provider> _providers;
  bool _stopped = false;
};

}  // namespace dispatch::integrations
