// Alertmanager's webhook: one incident for each alert group, a note for each alert, Stable when all are
// resolved. Everything follows from the request alone and has a key of its own, so that the same request, or
// a part of it, once more changes nothing.
#include "payload.hpp"

#include <algorithm>

namespace {

using alertmanager::Alert;
using alertmanager::Payload;
using dispatch::Call;
using dispatch::Failure;
using dispatch::Json;
using dispatch::Submitted;
using dispatch::WebhookRequest;
using dispatch::WebhookResponse;

constexpr std::size_t longestKey = 300;  // the host takes 500 bytes, and what follows it needs some
constexpr std::size_t mostNotes = 100;   // of one request

std::string cut(const std::string& text, std::size_t most) { return dispatch::quoteLine(text, most - 3); }

class Alertmanager : public dispatch::WebhookPlugin {
 public:
  Alertmanager(const dispatch::Host& host, const dispatch::Config& config)
      : WebhookPlugin(host),
        _token(config.secret("bearer_token")),
        _type(config.text("incident_type", "")),
        _least(config.text("minimum_severity", "warning")),
        _severities(config.has("severities") ? config.texts("severities")
                                             : std::vector<std::string>{"info", "warning", "critical"}) {
    for (const std::string& line : config.texts("priorities")) {
      const auto equals = line.find('=');
      if (equals == std::string::npos)
        throw Failure::invalid("Setting \"priorities\" should hold severity=priority, found \"" + line +
                               "\".");
      _priorities.emplace_back(dispatch::trim(std::string_view(line).substr(0, equals)),
                               dispatch::trim(std::string_view(line).substr(equals + 1)));
    }
    if (!_least.empty() && !rankOf(_least))
      throw Failure::invalid("Setting \"minimum_severity\" is \"" + _least +
                             "\", which \"severities\" does not list.");
  }

  WebhookResponse receiveWebhook(const Call& call, const WebhookRequest& request) {
    if (!isGenuine(call, request)) {
      auto refused = WebhookResponse::text(401, "The bearer token is not right.\n");
      refused.headers.emplace_back("WWW-Authenticate", "Bearer");
      return refused;
    }
    if (request.method != "POST") return WebhookResponse::text(405, "Alertmanager sends POST.\n");
    const Payload payload = Payload::parse(request.json());
    const std::string key = keyOf(call, payload.groupKey);
    if (payload.firing)
      fire(call, payload, key, textOf(request.receivedAt));
    else
      resolve(call, key, textOf(request.receivedAt));
    return {204, {}, {}};
  }

  /// Alertmanager counts nothing, so a delivery is what it says: the group and how each of its alerts stands.
  /// It repeats that by itself while nothing changes (repeat_interval). What fires again after the group was
  /// resolved is another delivery, even where Prometheus still counts from the first time.
  std::string webhookDeliveryId(const Call& call, const WebhookRequest& request) {
    if (request.method != "POST" || !isGenuine(call, request)) return "";
    const Payload payload = Payload::parse(request.json());
    std::vector<std::string> parts{payload.groupKey + (payload.firing ? " firing" : " resolved")};
    for (const Alert& alert : payload.alerts)
      parts.push_back(alert.fingerprint + (alert.firing ? " firing " : " resolved ") + alert.startsAt + " " +
                      (alert.firing ? "" : alert.endsAt));
    std::sort(parts.begin() + 1, parts.end());
    if (payload.firing) parts.push_back(last(call, "resolved", keyOf(call, payload.groupKey)));
    std::string all;
    for (const std::string& part : parts) all += part + "\n";
    return dispatch::base64Encode(crypto().hash(call, "sha256", all));
  }

 private:
  bool isGenuine(const Call& call, const WebhookRequest& request) const {
    return crypto().bearerMatches(call, request.header("Authorization"), _token);
  }

  std::optional<std::size_t> rankOf(const std::string& severity) const {
    const auto found = std::find(_severities.begin(), _severities.end(), severity);
    if (found == _severities.end()) return std::nullopt;
    return static_cast<std::size_t>(found - _severities.begin());
  }
  bool severeEnough(const Alert& alert) const {
    const auto rank = rankOf(alert.severity);
    return !rank || _least.empty() || *rank >= *rankOf(_least);
  }

  /// When the host received the last "firing" or "resolved" of the group; "" = never.
  ///
  /// A request that had to wait for this plugin can be overtaken by one that came after it, and Alertmanager
  /// says "resolved" once. So both are remembered, each in one of 450 slots of the 1,000 that the host gives:
  /// a group that shares its slot with another forgets.
  std::string last(const Call& call, const char* word, const std::string& key) const {
    const auto [slot, group] = slotOf(call, word, key);
    const std::string kept = kv().get(call, slot).value_or("");
    return kept.starts_with(group) ? kept.substr(group.size()) : "";
  }
  void remember(const Call& call, const char* word, const std::string& key,
                const std::string& receivedAt) const {
    if (last(call, word, key) >= receivedAt) return;
    const auto [slot, group] = slotOf(call, word, key);
    kv().put(call, slot, group + receivedAt);
  }
  std::pair<std::string, std::string> slotOf(const Call& call, const char* word,
                                             const std::string& key) const {
    const std::string digest = crypto().hash(call, "sha256", key);
    const auto byte = [&](std::size_t i) {
      return static_cast<unsigned>(static_cast<unsigned char>(digest[i]));
    };
    return {std::string(word) + ' ' + std::to_string((byte(0) << 8 | byte(1)) % 450),
            dispatch::base64Encode(digest) + ' '};
  }
  bool isFiring(const Call& call, const std::string& key) const {
    return last(call, "fired", key) > last(call, "resolved", key);
  }
  /// Sorts as the instants do.
  static std::string textOf(std::chrono::system_clock::time_point instant) {
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(instant.time_since_epoch()).count();
    const std::string digits = std::to_string(ns);
    return std::string(20 - std::min<std::size_t>(digits.size(), 20), '0') + digits;
  }

  void fire(const Call& call, const Payload& payload, const std::string& key,
            const std::string& receivedAt) const {
    std::vector<const Alert*> firing;
    for (const Alert& alert : payload.alerts)
      if (alert.firing) firing.push_back(&alert);
    const auto severe =
        std::find_if(firing.begin(), firing.end(), [&](const Alert* one) { return severeEnough(*one); });
    if (firing.empty()) return;
    const auto newest = *std::max_element(firing.begin(), firing.end(), [](const Alert* a, const Alert* b) {
      return a->startsAt < b->startsAt;
    });
    if (severe == firing.end()) {
      log().debug("A group of alerts below the least severity was not reported.", &call);
      return;
    }
    const auto reported = report(call, payload, firing, newest->startsAt, key);
    remember(call, "fired", key, receivedAt);
    const auto resolved = last(call, "resolved", key);
    // Before the notes: an incident that was stable is active again, once for each new alert.
    if (isFiring(call, key))
      setStatus(
          call, key, "Active",
          newest->fingerprint + ' ' + newest->startsAt + (resolved.empty() ? "" : " after " + resolved));
    for (std::size_t i = 0; i < std::min(firing.size(), mostNotes); ++i) note(call, *firing[i], key);
    // Looked at last, too: it may have been resolved while this went on.
    if (!isFiring(call, key))
      setStatus(call, key, "Stable", last(call, "resolved", key) + " after " + receivedAt);
    log().info("Alerts of " + reported.incidentName + " are firing: " + std::to_string(firing.size()) + ".",
               &call);
  }

  Submitted report(const Call& call, const Payload& payload, const std::vector<const Alert*>& firing,
                   const std::string& startedAt, const std::string& key) const {
    const Alert& worst =
        **std::max_element(firing.begin(), firing.end(), [&](const Alert* a, const Alert* b) {
          return rankOf(a->severity).value_or(0) < rankOf(b->severity).value_or(0);
        });
    Json data{{"title", titleOf(payload, worst)},
              {"description", descriptionOf(payload, firing)},
              {"started_at", startedAt}};
    if (!_type.empty()) data["incident_type"] = _type;
    for (const auto& [severity, priority] : _priorities)
      if (severity == worst.severity) data["incident_priority"] = priority;
    dispatch::Event event{.type = "incident.report", .key = key, .data = std::move(data)};
    try {
      return events().submit(call, event);
    } catch (const Failure& failure) {
      if (failure.status() != DISPATCH_ERR_INVALID ||
          (!event.data.contains("incident_type") && !event.data.contains("incident_priority")))
        throw;
      // A type or priority that was renamed since: the incident matters more than its label.
      log().warning("The incident is reported with the project's defaults: " + failure.message(), &call);
      event.data.erase("incident_type");
      event.data.erase("incident_priority");
      return events().submit(call, event);
    }
  }

  void note(const Call& call, const Alert& alert, const std::string& key) const {
    std::string text = alert.name + " is firing";
    for (const auto& [name, value] : alert.labels)
      if (name == "instance" || name == "job") text += ", " + name + " " + value;
    if (!alert.summary.empty()) text += ": " + alert.summary;
    events().submit(call, {.type = "timeline.note",
                           .subject = key,
                           .key = key + " alert " + alert.fingerprint + " " + alert.startsAt,
                           .data = {{"description", cut(text, 1000)}, {"started_at", alert.startsAt}}});
  }

  void resolve(const Call& call, const std::string& key, const std::string& receivedAt) const {
    remember(call, "resolved", key, receivedAt);
    if (!isFiring(call, key)) setStatus(call, key, "Stable", receivedAt);
    if (isFiring(call, key))
      setStatus(call, key, "Active", last(call, "fired", key) + " after " + receivedAt);
  }

  /// Nothing where the group was never reported.
  void setStatus(const Call& call, const std::string& key, const std::string& status,
                 const std::string& once) const {
    events().trySubmit(call, {.type = "incident.update",
                              .subject = key,
                              .key = key + ' ' + (status == "Active" ? "active " : "stable ") + once,
                              .data = {{"status", status}}});
  }

  /// The group's own key, so that an operator recognises it; a digest where the host could not keep it whole.
  std::string keyOf(const Call& call, const std::string& groupKey) const {
    if (groupKey.size() <= longestKey) return groupKey;
    return "sha256 " + dispatch::base64Encode(crypto().hash(call, "sha256", groupKey));
  }

  static std::string titleOf(const Payload& payload, const Alert& worst) {
    std::string title = worst.summary.empty() ? worst.name : worst.name + ": " + worst.summary;
    if (payload.alerts.size() > 1 && worst.summary.empty())
      for (const auto& [name, value] : payload.groupLabels)
        if (name != "alertname") title += " " + name + "=" + value;
    return cut(title, 300);
  }

  static std::string descriptionOf(const Payload& payload, const std::vector<const Alert*>& firing) {
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(firing.size(), 20); ++i) {
      const Alert& alert = *firing[i];
      text += (text.empty() ? "" : "\n\n") + alert.name;
      if (!alert.severity.empty()) text += " (" + alert.severity + ")";
      text += " since " + alert.startsAt;
      if (!alert.description.empty()) text += "\n" + cut(alert.description, 1000);
      std::string labels;
      for (const auto& [name, value] : alert.labels)
        labels += (labels.empty() ? "" : ", ") + name + "=" + value;
      text += "\n" + cut(labels, 500);
      if (!alert.generatorUrl.empty()) text += "\n" + cut(alert.generatorUrl, 500);
    }
    const auto more = firing.size() + payload.truncatedAlerts - std::min<std::size_t>(firing.size(), 20);
    if (more > 0) text += "\n\nand " + std::to_string(more) + " more";
    if (!payload.externalUrl.empty()) text += "\n\nAlertmanager: " + cut(payload.externalUrl, 500);
    return text;
  }

  dispatch::Secret _token;
  std::string _type, _least;
  std::vector<std::string> _severities;
  std::vector<std::pair<std::string, std::string>> _priorities;
};

}  // namespace

DISPATCH_PLUGIN(Alertmanager)
