#pragma once

#include <dispatch/sdk/method.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dispatch {

/// Access to what a contract says; the host has validated it, so a surprise here is Failure(INVALID) naming
/// the member.
class Members {
 public:
  explicit Members(const Json& object) : _object(object) {
    if (!object.is_object())
      throw Failure::invalid("The request holds something else where an object belongs.");
  }
  std::string text(std::string_view name) const {
    const auto found = _object.find(std::string(name));
    if (found == _object.end() || !found->is_string())
      throw Failure::invalid("The request lacks the text \"" + std::string(name) + "\".");
    return found->get<std::string>();
  }
  std::string textOr(std::string_view name, std::string_view fallback = {}) const {
    const auto found = _object.find(std::string(name));
    return found == _object.end() || !found->is_string() ? std::string(fallback) : found->get<std::string>();
  }
  std::int64_t integer(std::string_view name) const {
    const auto found = _object.find(std::string(name));
    if (found == _object.end() || !found->is_number_integer())
      throw Failure::invalid("The request lacks the whole number \"" + std::string(name) + "\".");
    return found->get<std::int64_t>();
  }
  /// An empty object where it is absent.
  Json object(std::string_view name) const {
    const auto found = _object.find(std::string(name));
    return found == _object.end() || !found->is_object() ? Json::object() : *found;
  }
  Json array(std::string_view name) const {
    const auto found = _object.find(std::string(name));
    return found == _object.end() || !found->is_array() ? Json::array() : *found;
  }
  std::vector<std::string> texts(std::string_view name) const {
    std::vector<std::string> out;
    for (const Json& item : array(name))
      if (item.is_string()) out.push_back(item.get<std::string>());
    return out;
  }

 private:
  const Json& _object;
};

namespace sdk {

/// Adds a member only where there is something to say.
inline void put(Json& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

}  // namespace sdk

/// An incident, as every plugin sees it. `json` holds all of it, including members that came after this SDK.
struct Incident {
  std::int64_t id = 0;
  std::string name;  ///< "dispatch-default-default-12"
  std::string title;
  std::string description, status, visibility, type, severity, priority, project, organization;
  std::vector<std::string> tags;
  std::string reportedAt;  ///< ISO 8601, UTC
  std::string weblink;
  Json json;

  static Incident fromJson(const Json& value) {
    const Members in(value);
    Incident out;
    out.id = in.integer("id");
    out.name = in.text("name");
    out.title = in.text("title");
    out.description = in.textOr("description");
    out.status = in.textOr("status");
    out.visibility = in.textOr("visibility");
    out.type = in.textOr("type");
    out.severity = in.textOr("severity");
    out.priority = in.textOr("priority");
    out.project = in.textOr("project");
    out.organization = in.textOr("organization");
    out.tags = in.texts("tags");
    out.reportedAt = in.textOr("reported_at");
    out.weblink = in.textOr("weblink");
    out.json = value;
    return out;
  }
};

/// An e-mail address with the name that goes before it.
struct Mailbox {
  std::string email;
  std::string name;

  static Mailbox fromJson(const Json& value) {
    const Members in(value);
    return {in.text("email"), in.textOr("name")};
  }
};

/// The answer to **Test**: what was tried, in order, and what came back.
struct TestReport {
  struct Check {
    std::string name;
    bool ok = false;
    std::string detail;
  };
  std::string summary;
  std::vector<Check> checks;

  void pass(std::string name, std::string detail) {
    checks.push_back({std::move(name), true, std::move(detail)});
  }
  void fail(std::string name, std::string detail) {
    checks.push_back({std::move(name), false, std::move(detail)});
  }
  bool ok() const {
    for (const Check& check : checks)
      if (!check.ok) return false;
    return true;
  }
};
inline Json toJson(const TestReport& report) {
  Json checks = Json::array();
  for (const auto& check : report.checks)
    checks.push_back({{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
  return {{"summary", report.summary}, {"ok", report.ok()}, {"checks", std::move(checks)}};
}

}  // namespace dispatch
