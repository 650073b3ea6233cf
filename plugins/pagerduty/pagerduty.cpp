// Who is on call in PagerDuty, and pages, by its REST API, version 2 (developer.pagerduty.com/api-reference):
//   GET  /services/ID, /escalation_policies/ID, /schedules/ID   what an external id is
//   GET  /oncalls          who is on call: by schedules, or named in the policy itself
//   GET  /users?query=     the user whom an incident names
//   POST /incidents        a page; "incident_key" keeps it one
#include <dispatch/sdk.hpp>

#include <algorithm>
#include <ctime>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::HttpRequest;
using dispatch::HttpResponse;
using dispatch::Json;
using dispatch::Members;
using dispatch::OnCall;

constexpr int pageSize = 100, mostPages = 20;
constexpr auto horizon = std::chrono::days(89);  // /oncalls looks three months ahead at most

/// "2026-01-31T09:00:00Z", as the API writes instants when it is asked for UTC: such texts sort by time.
std::string textOf(std::chrono::system_clock::time_point instant) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(instant);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// One turn of one person.
struct Turn {
  std::string email, name, start, end;  ///< start and end empty: for good, without a schedule
  std::int64_t level = 0;
};

class PagerDuty : public dispatch::OnCallPlugin {
 public:
  PagerDuty(const dispatch::Host& host, const dispatch::Config& config)
      : OnCallPlugin(host),
        _url(config.text("api_url", "https://api.pagerduty.com")),
        _key(config.secret("api_key")),
        _from(config.text("from_email")),
        _urgency(config.text("urgency", "high")) {
    const auto scheme = _url.find("://");
    if ((!_url.starts_with("http://") && !_url.starts_with("https://")) || scheme + 3 == _url.size())
      throw Failure::invalid("Setting \"api_url\" should be an address such as https://api.pagerduty.com.");
    while (_url.ends_with('/')) _url.pop_back();
  }

  /// The same incident pages a service once while the page is open: "incident_key".
  dispatch::Effect effectOf(std::string_view method) const {
    return method == "page" ? dispatch::Effect::idempotent : dispatch::Effect::read;
  }

  OnCall get(const Call& call, const dispatch::OnCallGet& request) {
    const Turn now = current(call, request.service.externalId);
    return {now.email, now.name};
  }

  /// The first whose turn on the same level comes after that of whoever is on call now, and who is somebody
  /// else.
  OnCall getNext(const Call& call, const dispatch::OnCallGet& request) {
    const std::string& id = request.service.externalId;
    const Turn now = current(call, id);
    if (now.end.empty())
      throw Failure::notFound(now.email + " is on call for good: the escalation policy of " + id +
                              " names them, not a schedule.");
    auto turns = turnsOf(call, filterOf(call, id), clock().now(), clock().now() + horizon);
    std::sort(turns.begin(), turns.end(), [](const Turn& a, const Turn& b) { return a.start < b.start; });
    for (const Turn& turn : turns)
      if (turn.level == now.level && turn.start >= now.end && turn.email != now.email)
        return {turn.email, turn.name};
    throw Failure::notFound("Nobody else is on call for " + id + " within three months.");
  }

  dispatch::OnCallPaged page(const Call& call, const dispatch::OnCallPage& request) {
    const std::string& id = request.service.externalId;
    const std::string key = "dispatch/" + request.incident.name;
    Json incident{{"type", "incident"},
                  {"title", request.incident.title.substr(0, cutAt(request.incident.title, 1024))},
                  {"service", {{"id", id}, {"type", "service_reference"}}},
                  {"urgency", _urgency},
                  {"incident_key", key},
                  {"body", {{"type", "incident_body"}, {"details", details(request.incident)}}}};
    if (request.recipient)
      if (const auto user = userOf(call, request.recipient->email))
        incident["assignments"] = Json{{{"assignee", {{"id", *user}, {"type", "user_reference"}}}}};
    HttpRequest post = http().post(_url + "/incidents");
    post.json({{"incident", incident}}).header("From", _from);
    const HttpResponse answer = send(call, post);
    if (answer.status == 400 && errorsOf(answer).find("dedup key") != std::string::npos)
      return opened(call, key);
    if (answer.status == 404)
      throw Failure::notFound("PagerDuty has no service \"" + id + "\" to page. Check the external id of \"" +
                              request.service.name +
                              "\" under Settings > Services: paging needs a service, not a schedule.");
    if (!answer.ok()) throw refusal("Nobody was paged", answer, true);
    return pageIn(Members(json(answer)).object("incident"));
  }

  dispatch::TestReport test(const Call& call, const Json& input) {
    dispatch::TestReport report;
    try {
      const auto user = userOf(call, _from);
      if (!user) throw Failure::invalid("PagerDuty has no user " + _from + ": correct \"Paging as\".");
      report.pass("Login", "PagerDuty accepts the key, and knows " + _from + ".");
    } catch (const Failure& failure) {
      report.fail("Login", failure.message());
      report.summary = failure.message();
      return report;
    }
    std::vector<std::string> ids;
    if (const std::string named = Members(input).textOr("service"); !named.empty())
      ids.push_back(named);
    else
      ids = servicesOf(call);
    for (const std::string& id : ids) {
      try {
        const Turn now = current(call, id);
        report.pass(id, now.email + " is on call" + (now.end.empty() ? "." : " until " + now.end + "."));
      } catch (const Failure& failure) {
        report.fail(id, failure.message());
      }
    }
    report.summary = "PagerDuty can be used; nobody was paged.";
    for (const auto& check : report.checks)
      if (!check.ok) report.summary = check.detail;
    return report;
  }

 private:
  static std::size_t cutAt(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text.size();
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
    return most;
  }
  static std::string details(const dispatch::Incident& incident) {
    std::string out = incident.name + ", " + incident.priority + ", " + incident.severity;
    if (!incident.description.empty())
      out += "\n\n" + incident.description.substr(0, cutAt(incident.description, 4000));
    return incident.weblink.empty() ? out : out + "\n\n" + incident.weblink;
  }

  HttpResponse send(const Call& call, HttpRequest& request) const {
    return request.header("Authorization", dispatch::Part("Token token=", _key, "raw"))
        .header("Accept", "application/vnd.pagerduty+json;version=2")
        .send(call);
  }
  HttpResponse ask(const Call& call, const std::string& path) const {
    HttpRequest get = http().get(_url + path);
    return send(call, get);
  }
  static Json json(const HttpResponse& answer) {
    Json body = answer.json();
    if (!body.is_object())
      throw Failure::unavailable("PagerDuty answered with something that is no JSON object.");
    return body;
  }

  /// Whom /oncalls is asked about: the policy of a service, a policy, or a schedule.
  std::string filterOf(const Call& call, const std::string& id) const {
    const std::string path = dispatch::urlEncode(id);
    for (const char* what : {"services", "escalation_policies", "schedules"}) {
      const HttpResponse answer = ask(call, std::string("/") + what + "/" + path);
      if (answer.status == 404) continue;
      if (!answer.ok()) throw refusal("\"" + id + "\" could not be looked up", answer, false);
      if (what == std::string_view("schedules")) return "schedule_ids%5B%5D=" + path;
      if (what == std::string_view("escalation_policies")) return "escalation_policy_ids%5B%5D=" + path;
      const Json policy = Members(Members(json(answer)).object("service")).object("escalation_policy");
      return "escalation_policy_ids%5B%5D=" + dispatch::urlEncode(Members(policy).text("id"));
    }
    throw Failure::notFound(
        "PagerDuty has no service, escalation policy or schedule \"" + id +
        "\": correct the external id under Settings > Services. It ends the address of its page there.");
  }

  std::vector<Turn> turnsOf(const Call& call, const std::string& filter,
                            std::chrono::system_clock::time_point since,
                            std::chrono::system_clock::time_point until) const {
    std::vector<Turn> turns;
    for (int page = 0; page < mostPages; ++page) {
      const HttpResponse answer =
          ask(call, "/oncalls?time_zone=UTC&include%5B%5D=users&limit=" + std::to_string(pageSize) +
                        "&offset=" + std::to_string(page * pageSize) + "&since=" + textOf(since) +
                        "&until=" + textOf(until) + "&" + filter);
      if (!answer.ok()) throw refusal("Who is on call could not be read", answer, false);
      const Json body = json(answer);
      for (const Json& one : Members(body).array("oncalls")) {
        const Members in(one);
        const Json user = in.object("user");
        Turn turn{dispatch::lower(Members(user).textOr("email")), Members(user).textOr("name"),
                  in.textOr("start"), in.textOr("end"), one.value("escalation_level", std::int64_t{1})};
        if (!turn.email.empty()) turns.push_back(std::move(turn));
      }
      if (!body.value("more", false)) return turns;
    }
    throw Failure::invalid("More than " + std::to_string(mostPages * pageSize) +
                           " turns are in these three months: name a schedule instead of a service.");
  }

  /// The first to be notified now: the lowest level on which somebody is.
  Turn current(const Call& call, const std::string& id) const {
    const auto now = clock().now();
    const auto turns = turnsOf(call, filterOf(call, id), now, now + std::chrono::seconds(1));
    const auto first = std::min_element(turns.begin(), turns.end(),
                                        [](const Turn& a, const Turn& b) { return a.level < b.level; });
    if (first == turns.end())
      throw Failure::notFound("Nobody is on call for \"" + id +
                              "\" now: its escalation policy names nobody, or its schedules have a gap.");
    return *first;
  }

  /// Nobody where PagerDuty does not know the address: then the service's escalation policy decides.
  std::optional<std::string> userOf(const Call& call, const std::string& email) const {
    const HttpResponse answer = ask(call, "/users?limit=25&query=" + dispatch::urlEncode(email));
    if (!answer.ok()) throw refusal("The user " + email + " could not be looked up", answer, false);
    for (const Json& user : Members(json(answer)).array("users"))
      if (dispatch::lower(Members(user).textOr("email")) == dispatch::lower(email))
        return Members(user).text("id");
    return std::nullopt;
  }

  static dispatch::OnCallPaged pageIn(const Json& incident) {
    const Members in(incident);
    return {in.textOr("id"), in.textOr("html_url")};
  }
  /// The page that an earlier attempt made, whose answer was lost.
  dispatch::OnCallPaged opened(const Call& call, const std::string& key) const {
    const HttpResponse answer = ask(call, "/incidents?incident_key=" + dispatch::urlEncode(key));
    if (!answer.ok()) throw refusal("The page that is open already could not be read", answer, false);
    const Json found = Members(json(answer)).array("incidents");
    return found.empty() ? dispatch::OnCallPaged{} : pageIn(found.front());
  }

  std::vector<std::string> servicesOf(const Call& call) const {
    std::vector<std::string> ids;
    for (const Json& service : directory().services(call)) {
      const Members in(service);
      // The original's rows say "pagerduty-oncall".
      const std::string id = in.textOr("external_id"), type = in.textOr("type");
      const bool ours = (type.empty() || type.starts_with("pagerduty")) && service.value("is_active", true);
      if (ours && !id.empty() && ids.size() < 10) ids.push_back(id);
    }
    return ids;
  }

  /// {"error": {"message", "code", "errors": […]}}, in a line.
  static std::string errorsOf(const HttpResponse& answer) {
    const Json body = Json::parse(answer.body, nullptr, false);
    if (!body.is_object()) return {};
    const Json error = Members(body).object("error");
    std::string out = Members(error).textOr("message");
    for (const auto& one : Members(error).texts("errors")) out += (out.empty() ? "" : "; ") + one;
    return dispatch::quoteLine(out, 300);
  }
  static Failure refusal(const std::string& what, const HttpResponse& answer, bool pages) {
    const std::string said = errorsOf(answer);
    const std::string message =
        what + ": HTTP " + std::to_string(answer.status) + (said.empty() ? "." : ", \"" + said + "\".");
    if (answer.status == 401) return Failure::denied(message + " Check \"API key\".");
    if (answer.status == 402 || answer.status == 403)
      return Failure::denied(
          message + (pages ? " The key has to be one that may write." : " The key may not read this."));
    if (answer.status == 429) {
      auto wait = answer.retryAfter;
      // PagerDuty's own header, in seconds.
      if (const std::string reset = answer.header("ratelimit-reset");
          wait.count() == 0 && !reset.empty() && reset.size() < 6 &&
          reset.find_first_not_of("0123456789") == std::string::npos)
        wait = std::chrono::seconds(std::stoi(reset));
      return Failure::unavailable(message, wait);
    }
    // Repeating is safe: incident_key.
    if (answer.status >= 500 || answer.status == 408) return Failure::unavailable(message, answer.retryAfter);
    if (answer.status == 404) return Failure::notFound(message);
    return Failure::invalid(message);
  }

  std::string _url;
  dispatch::Secret _key;
  std::string _from, _urgency;
};

}  // namespace

DISPATCH_PLUGIN(PagerDuty)
