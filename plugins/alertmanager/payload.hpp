#pragma once

#include <dispatch/sdk.hpp>

#include <string>
#include <vector>

namespace alertmanager {

struct Alert {
  bool firing = false;
  std::string fingerprint, startsAt, endsAt, severity;
  std::string name, summary, description, generatorUrl;
  std::vector<std::pair<std::string, std::string>> labels;
};

/// What Alertmanager sends to a webhook, version 4 of its form (Prometheus documentation, "webhook_config").
struct Payload {
  std::string groupKey, externalUrl;
  bool firing = false;  ///< one alert of the group at least
  std::uint64_t truncatedAlerts = 0;
  std::vector<Alert> alerts;
  std::vector<std::pair<std::string, std::string>> groupLabels;

  /// Throws Failure(INVALID) with the member to blame.
  static Payload parse(const dispatch::Json& body);
};

}  // namespace alertmanager
