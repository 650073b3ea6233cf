#include "api/openapi.hpp"

#include "api/shapes.hpp"

#include <algorithm>

namespace dispatch::api {

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string accessText(const Access& access) {
  return access.open ? "everyone" : std::string(auth::toText(access.role));
}

Json pathParameters(const std::string& pattern) {
  Json parameters = Json::array();
  for (auto at = pattern.find('{'); at != std::string::npos; at = pattern.find('{', at + 1)) {
    const auto name = pattern.substr(at + 1, pattern.find('}', at) - at - 1);
    const bool number = name.ends_with("_id");
    parameters.push_back({{"name", name},
                          {"in", "path"},
                          {"required", true},
                          {"schema", {{"type", number ? "integer" : "string"}}}});
  }
  return parameters;
}

std::string operationId(const Route& route) {
  std::string id = lower(route.method);
  for (const char c : route.pattern) id += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return id;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

Json errorResponse() {
  return {
      {"description", "Refused: what was expected, what was found, how to fix it"},
      {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/ErrorEnvelope"}}}}}}}};
}

Json noSuchPath() {
  return {{"description", "There is nothing at this path"},
          {"content",
           {{"application/json",
             {{"schema",
               {{"type", "object"},
                {"properties", {{"detail", {{"type", "string"}}}}},
                {"required", Json::array({"detail"})}}}}}}}};
}

Json operation(const Route& route) {
  Json result{{"operationId", operationId(route)},
              {"summary", route.summary},
              {"tags", Json::array({route.tag})},
              {"parameters", pathParameters(route.pattern)},
              {"x-access", accessText(route.access)}};
  if (!route.access.rule.empty()) result["x-rule"] = route.access.rule;
  for (const auto& parameter : route.parameters) result["parameters"].push_back(parameter);
  if (!route.requestSchema.is_null())
    result["requestBody"] = {{"required", true},
                             {"content", {{"application/json", {{"schema", route.requestSchema}}}}}};
  const Json schema = route.responseSchema.is_null() ? Json::object() : route.responseSchema;
  const char* type = route.eventStream ? "text/event-stream" : "application/json";
  result["responses"] = {{"200", {{"description", "Done"}, {"content", {{type, {{"schema", schema}}}}}}},
                         {"default", errorResponse()}};
  if (route.raw)  // what a plugin says there; an unknown address is no different from a path that is none
    result["responses"] = {
        {"2XX", {{"description", "The plugin's own answer, or 202: taken, and processed later"}}},
        {"404", noSuchPath()},
        {"4XX", {{"description", "The plugin's own refusal"}}},
        {"default", errorResponse()}};
  if (!route.access.open)
    result["security"] = Json::array({{{"session", Json::array()}}, {{"bearer", Json::array()}}});
  return result;
}

}  // namespace

Json makeOpenApi(const Router& router, const Resources& resources, const std::string& version) {
  Json schemas{{"ErrorEnvelope",
                {{"type", "object"},
                 {"properties",
                  {{"detail",
                    {{"type", "array"},
                     {"items",
                      {{"type", "object"},
                       {"properties",
                        {{"msg", {{"type", "string"}}},
                         {"type", {{"type", "string"}}},
                         {"loc", {{"type", "array"}, {"items", Json::object()}}}}},
                       {"required", Json::array({"msg"})}}}}}}},
                 {"required", Json::array({"detail"})}}}};
  schemas.update(shapes());
  for (const auto& resource : resources.all()) describeSchemas(resources, *resource, schemas);
  const auto& incident = resources.get("Incident");
  Resource writable = incident;
  writable.path = "incidents";
  describeSchemas(resources, writable, schemas);
  Json listed = schemas["IncidentRead"];
  listed.erase("required");
  listed["description"] =
      "Without include[] and expand, a list has neither people, events nor plans; include[] names what it "
      "has.";
  schemas["IncidentListed"] = std::move(listed);
  schemas["IncidentPagination"] = pageOf("IncidentListed");
  Json paths = Json::object();
  for (const auto& route : router.routes())
    paths["/api/v1" + route.pattern][lower(route.method)] = operation(route);
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Dispatch"},
            {"version", version},
            {"description", "Incident orchestration around a native plugin host."}}},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", std::move(schemas)},
            {"securitySchemes",
             {{"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "__Host-dispatch_session"}}},
              {"bearer", {{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}}}}}}};
}

std::string makeDocsPage(const Json& openApi) {
  std::string page =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\">"
      "<title>Dispatch API</title><link rel=\"stylesheet\" "
      "href=\"/api/v1/docs/style.css\"></head><body><h1>Dispatch API</h1>"
      "<p>Version " +
      escaped(openApi["info"]["version"].get<std::string>()) +
      ". The machine-readable form is <a href=\"/api/v1/docs/openapi.json\">openapi.json</a> (OpenAPI "
      "3.1).</p>";
  std::map<std::string, std::string> sections;
  for (const auto& [path, methods] : openApi["paths"].items())
    for (const auto& [method, what] : methods.items()) {
      std::string row = "<tr><td><code class=\"" + method + "\">" + escaped(method) +
                        "</code></td><td><code>" + escaped(path) + "</code></td><td>" +
                        escaped(what["summary"].get<std::string>()) + "</td><td>" +
                        escaped(what["x-access"].get<std::string>());
      if (what.contains("x-rule"))
        row += " <small>" + escaped(what["x-rule"].get<std::string>()) + "</small>";
      sections[what["tags"][0].get<std::string>()] += row + "</td></tr>";
    }
  for (const auto& [tag, rows] : sections)
    page += "<h2 id=\"" + escaped(tag) + "\">" + escaped(tag) +
            "</h2><table><thead><tr><th>Method</th><th>Path</th><th>What</th><th>Least "
            "role</th></tr></thead><tbody>" +
            rows + "</tbody></table>";
  return page + "</body></html>";
}

std::string docsStyle() {
  return "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 "
         "1rem;color:#1b2733;background:#fff}"
         "table{border-collapse:collapse;width:100%}td,th{padding:.35rem .6rem;border-bottom:1px solid "
         "#dde3ea;text-align:left;vertical-align:top}"
         "code{font:14px "
         "ui-monospace,monospace}code.get{color:#0b6}code.post,code.put,code.patch{color:#a50}code.delete{"
         "color:#c22}"
         "h2{margin-top:2.5rem;text-transform:capitalize}small{color:#5a6b7b}"
         "@media(prefers-color-scheme:dark){body{background:#12181f;color:#dfe7ee}td,th{border-color:#2b3743}"
         "a{color:#7ab8ff}"
         "code.get{color:#4cd08f}code.post,code.put,code.patch{color:#e8a75a}code.delete{color:#ff7b72}small{"
         "color:#93a3b3}}";
}

Json makeRouteTable(const Router& router) {
  std::vector<Json> rows;
  for (const auto& route : router.routes())
    rows.push_back({{"path", "/api/v1" + route.pattern},
                    {"method", route.method},
                    {"access", accessText(route.access)},
                    {"rule", route.access.rule}});
  std::sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
    return std::pair(a["path"], a["method"]) < std::pair(b["path"], b["method"]);
  });
  return rows;
}

}  // namespace dispatch::api
