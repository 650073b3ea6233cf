#include "api/resource/resource.hpp"

#include <algorithm>
#include <charconv>

namespace dispatch::api {

namespace {

std::string trimmed(const std::string& text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  if (from == std::string::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

bool looksLikeAddress(const std::string& text) {
  const auto at = text.find('@');
  return at != std::string::npos && at > 0 && text.find('@', at + 1) == std::string::npos &&
         at + 1 < text.size() && text.find_first_of(" \t\r\n<>,;\"") == std::string::npos &&
         text.size() <= 254;
}

/// Collects every violation of one body, so that a form is refused once.
class Findings {
 public:
  void add(std::vector<std::string> path, const std::string& message, const std::string& type) {
    path.insert(path.begin(), "body");
    Problem problem(Problem::Kind::invalid, message, std::move(path));
    problem.withType(type);
    if (_first)
      _first->add(std::move(problem));
    else
      _first.emplace(std::move(problem));
  }
  void throwIfAny() {
    if (_first) throw *_first;
  }

 private:
  std::optional<Problem> _first;
};

std::string found(const Json& value) {
  auto text = dumpJson(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

/// The value of one field in storage form; lax in the original's way ("7" is an integer, "yes" a boolean).
std::optional<store::Value> converted(const Field& field, const Json& value, Findings& findings) {
  const auto refuse = [&](const std::string& expected, const char* type) {
    findings.add({field.name}, field.name + " must be " + expected + ", found " + found(value), type);
    return std::nullopt;
  };
  switch (field.type) {
    case Field::Type::integer: {
      if (value.is_number_integer()) return store::Value(value.get<std::int64_t>());
      if (value.is_number_float() &&
          value.get<double>() == static_cast<double>(static_cast<std::int64_t>(value.get<double>())))
        return store::Value(static_cast<std::int64_t>(value.get<double>()));
      if (value.is_string()) {
        const auto text = trimmed(value.get<std::string>());
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc{} && end == text.data() + text.size() && !text.empty())
          return store::Value(number);
      }
      return refuse("a whole number", "int_parsing");
    }
    case Field::Type::number:
      if (value.is_number()) return store::Value(value.get<double>());
      return refuse("a number", "float_parsing");
    case Field::Type::boolean: {
      if (value.is_boolean()) return store::Value(value.get<bool>());
      if (value.is_number_integer() && (value == 0 || value == 1)) return store::Value(value == 1);
      if (value.is_string())
        for (const auto& [text, meaning] : {std::pair{"true", true},
                                            {"1", true},
                                            {"yes", true},
                                            {"on", true},
                                            {"false", false},
                                            {"0", false},
                                            {"no", false},
                                            {"off", false}})
          if (value.get<std::string>() == text) return store::Value(meaning);
      return refuse("true or false", "bool_parsing");
    }
    case Field::Type::instant: {
      const auto instant = value.is_string()   ? parseInstant(value.get<std::string>())
                           : value.is_number() ? parseInstant(value.dump())
                                               : std::nullopt;
      if (instant) return store::Value(toText(*instant));
      return refuse("a date and time in ISO 8601, e.g. 2026-01-31T09:00:00Z", "datetime_parsing");
    }
    case Field::Type::json:
      return store::Value(dumpJson(value));
    default:
      break;
  }
  if (!value.is_string()) return refuse("text", "string_type");
  auto text = trimmed(value.get<std::string>());
  if (text.find('\0') != std::string::npos) return refuse("text without NUL characters", "string_type");
  if (characters(text) > field.maxLength)
    return refuse("at most " + std::to_string(field.maxLength) + " characters", "string_too_long");
  if (field.type == Field::Type::name && characters(text) < 3)
    return refuse("at least 3 characters that are not blank", "string_too_short");
  if (field.type == Field::Type::email) {
    if (text.empty() && !field.required) return store::Value();
    if (!looksLikeAddress(text)) return refuse("an e-mail address", "value_error");
    std::transform(text.begin() + static_cast<std::ptrdiff_t>(text.find('@')), text.end(),
                   text.begin() + static_cast<std::ptrdiff_t>(text.find('@')),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  if (!field.choices.empty() &&
      std::find(field.choices.begin(), field.choices.end(), text) == field.choices.end()) {
    std::string list;
    for (const auto& choice : field.choices) list += (list.empty() ? "\"" : ", \"") + choice + '"';
    return refuse("one of " + list, "enum");
  }
  return store::Value(std::move(text));
}

/// Names that a person could have meant, for the message.
std::string available(store::Session& session, const Resource& target, const std::string& where,
                      const store::Values& values) {
  std::string list;
  for (const auto& row :
       session.query("SELECT name FROM " + target.table + where + " ORDER BY name LIMIT 20", values))
    list += (list.empty() ? "" : ", ") + row.text("name");
  return list.empty() ? "there is none yet" : "there is " + list;
}

class Resolver {
 public:
  Resolver(store::Session& session, const Resources& resources, const Json& body, bool creating, Write& write,
           Findings& findings)
      : _session(session),
        _resources(resources),
        _body(body),
        _creating(creating),
        _write(write),
        _findings(findings) {}

  void resolve(const Link& link, ColumnValues& columns) {
    if (link.resolve == Link::Resolve::none) return;
    const bool isProject = link.column == "project_id";
    if (isProject && !_creating) return;  // updates never move a project
    const auto sent = _body.find(link.name);
    const bool missing = sent == _body.end() || sent->is_null();
    const auto& target = _resources.get(link.resource);
    const auto [where, values] = scope(target, isProject);
    if (missing) {
      if (!_creating && sent == _body.end()) return;
      if (link.resolve == Link::Resolve::byNameOrDefault && _creating) {
        if (const auto row = _session.one("SELECT id FROM " + target.table + where + " AND \"default\" = ?",
                                          with(values, true)))
          return keep(link, columns, row->integer("id"), isProject);
        _findings.add(
            {link.name},
            "No " + target.title + " is the default; name one: " + available(_session, target, where, values),
            "missing");
      } else if (link.required) {
        _findings.add({link.name}, link.name + " is required", "missing");
      } else {
        columns.emplace_back(link.column, store::Value());
      }
      return;
    }
    if (!sent->is_object()) {
      _findings.add({link.name},
                    link.name + " must be an object with " +
                        (link.resolve == Link::Resolve::byId ? "id" : "name") + ", found " + found(*sent),
                    "model_type");
      return;
    }
    const bool byId = link.resolve == Link::Resolve::byId;
    const char* key = byId ? "id" : "name";
    const auto value = sent->find(key);
    if (value == sent->end() || value->is_null() ||
        (byId ? !value->is_number_integer() : !value->is_string())) {
      _findings.add({link.name, key}, link.name + "." + key + " is required", "missing");
      return;
    }
    const auto wanted =
        byId ? store::Value(value->get<std::int64_t>()) : store::Value(trimmed(value->get<std::string>()));
    if (const auto row = _session.one("SELECT id FROM " + target.table + where + " AND " + key + " = ?",
                                      with(values, wanted)))
      return keep(link, columns, row->integer("id"), isProject);
    _findings.add({link.name, key},
                  "No " + target.title + " " + found(*value) + " exists here; " +
                      (byId ? "reload the page" : available(_session, target, where, values)),
                  "value_error");
  }

 private:
  std::pair<std::string, store::Values> scope(const Resource& target, bool isProject) const {
    std::string where = " WHERE 1 = 1";
    store::Values values;
    if (!target.organizationColumn.empty()) {
      where += " AND " + target.organizationColumn + " = ?";
      values.emplace_back(_write.request.organizationId);
    }
    if (!isProject && target.projectScoped() && _write.projectId > 0) {
      where += " AND project_id = ?";
      values.emplace_back(_write.projectId);
    }
    return {where, values};
  }

  static store::Values with(store::Values values, store::Value last) {
    values.push_back(std::move(last));
    return values;
  }

  void keep(const Link& link, ColumnValues& columns, std::int64_t id, bool isProject) {
    columns.emplace_back(link.column, store::Value(id));
    if (isProject) _write.projectId = id;
  }

  store::Session& _session;
  const Resources& _resources;
  const Json& _body;
  bool _creating;
  Write& _write;
  Findings& _findings;
};

}  // namespace

ColumnValues validated(store::Session& session, const Resources& resources, const Resource& resource,
                       const Json& body, bool creating, Write& write) {
  if (!body.is_object())
    throw Problem(Problem::Kind::invalid, "The body must be a JSON object, found " + found(body), {"body"})
        .withType("model_attributes_type");
  Findings findings;
  ColumnValues columns;
  for (const auto& field : resource.fields) {
    if (field.readOnly || field.hidden) continue;
    const auto sent = body.find(field.name);
    if (sent == body.end()) {
      if (!creating) continue;
      if (field.required)
        findings.add({field.name}, field.name + " is required", "missing");
      else if (!field.defaultValue.is_null())
        columns.emplace_back(field.name, store::toValue(field.defaultValue));
      continue;
    }
    if (sent->is_null()) {
      if (field.required)
        findings.add({field.name}, field.name + " must not be null", "string_type");
      else if (!(creating && !field.defaultValue.is_null()))
        columns.emplace_back(field.name, store::Value());
      else
        columns.emplace_back(field.name, store::toValue(field.defaultValue));
      continue;
    }
    if (auto value = converted(field, *sent, findings)) {
      if (field.required && std::holds_alternative<std::string>(*value) &&
          std::get<std::string>(*value).empty())
        findings.add({field.name}, field.name + " must not be empty", "string_too_short");
      columns.emplace_back(field.name, std::move(*value));
    }
  }
  Resolver resolver(session, resources, body, creating, write, findings);
  for (const auto& link : resource.links)  // the project first: other names are looked up inside it
    if (link.column == "project_id") resolver.resolve(link, columns);
  for (const auto& link : resource.links)
    if (link.column != "project_id") resolver.resolve(link, columns);
  findings.throwIfAny();
  return columns;
}

}  // namespace dispatch::api
