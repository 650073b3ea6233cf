#include "payload.hpp"

namespace alertmanager {

namespace {

using dispatch::Failure;
using dispatch::Json;
using dispatch::Members;

std::vector<std::pair<std::string, std::string>> labelsOf(const Json& object) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const auto& entry : object.items())
    if (entry.value().is_string()) labels.emplace_back(entry.key(), entry.value().get<std::string>());
  return labels;
}

Alert alertOf(const Json& object) {
  const Members in(object);
  const Json labels = in.object("labels"), annotations = in.object("annotations");
  const Members label(labels), annotation(annotations);
  Alert alert;
  alert.firing = in.text("status") == "firing";
  alert.fingerprint = in.text("fingerprint");
  alert.startsAt = in.text("startsAt");
  alert.endsAt = in.textOr("endsAt");
  alert.generatorUrl = in.textOr("generatorURL");
  alert.severity = label.textOr("severity");
  alert.name = label.textOr("alertname", "Alert");
  alert.summary = annotation.textOr("summary");
  alert.description = annotation.textOr("description");
  alert.labels = labelsOf(labels);
  return alert;
}

}  // namespace

Payload Payload::parse(const Json& body) {
  const Members in(body);
  if (const std::string version = in.textOr("version"); version != "4")
    throw Failure::invalid("The request has version \"" + dispatch::quoteLine(version, 20) +
                           "\" of Alertmanager's form; this plugin reads version \"4\".");
  Payload payload;
  payload.groupKey = in.text("groupKey");
  payload.firing = in.text("status") == "firing";
  payload.externalUrl = in.textOr("externalURL");
  payload.groupLabels = labelsOf(in.object("groupLabels"));
  if (const auto cut = body.find("truncatedAlerts"); cut != body.end() && cut->is_number_unsigned())
    payload.truncatedAlerts = cut->get<std::uint64_t>();
  for (const Json& alert : in.array("alerts")) payload.alerts.push_back(alertOf(alert));
  if (payload.alerts.empty()) throw Failure::invalid("The request holds no alerts.");
  return payload;
}

}  // namespace alertmanager
