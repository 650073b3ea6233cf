// Issues on a Redmine server, by its REST API in JSON (redmine.org/projects/redmine/wiki/Rest_api):
//   POST   /issues.json                {"issue": {"project_id", "subject", "description", …}}
//   GET    /issues.json?description=~  finds the issue of an incident by the mark in its description
//   GET    /issues/7.json, PUT, DELETE
//   GET    /projects/ops.json?include=trackers, /issue_statuses.json, /enumerations/issue_priorities.json
//   names and their numbers
// Redmine drops without a word what an account may not set (a status that the workflow does not allow,
// "private"), so what became of those is read back and told in the log.
#include "description.hpp"

#include <algorithm>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::HttpRequest;
using dispatch::HttpResponse;
using dispatch::Incident;
using dispatch::Json;
using dispatch::Members;
using dispatch::Ticket;

constexpr std::size_t longestSubject = 255;  // characters; a longer one is refused

std::string shortened(std::string_view text) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U && ++characters > longestSubject)
      return std::string(text.substr(0, i));
  return std::string(text);
}

class Redmine : public dispatch::TicketPlugin {
 public:
  Redmine(const dispatch::Host& host, const dispatch::Config& config)
      : TicketPlugin(host),
        _url(config.text("url")),
        _key(config.secret("api_key")),
        _project(config.text("project")),
        _tracker(config.text("tracker", "")),
        _statuses{{"Active", config.text("status_active", "")},
                  {"Stable", config.text("status_stable", "")},
                  {"Closed", config.text("status_closed", "")}},
        _markup(config.text("text_formatting", "textile") == "markdown" ? redmine::Markup::markdown
                                                                        : redmine::Markup::textile),
        _private(config.boolean("private", true)) {
    const auto scheme = _url.find("://");
    if ((!_url.starts_with("http://") && !_url.starts_with("https://")) || scheme + 3 == _url.size() ||
        _url.find_first_of(" \t\r\n?#") != std::string::npos)
      throw Failure::invalid("Setting \"url\" should be an address such as https://redmine.example.com.");
    while (_url.ends_with('/')) _url.pop_back();
  }

  Ticket create(const Call& call, const dispatch::TicketCreate& request) {
    Json issue = fields(call, request.incident, request.metadata);
    issue["project_id"] = projectOf(request.metadata);
    issue["description"] = redmine::partOf(request.incident, Json::object(), _markup);
    const HttpResponse answer = send(call, http().post(_url + "/issues.json"), {{"issue", issue}});
    if (!answer.ok()) throw refusal("The issue was not created", answer, true);
    try {
      const Json made = issueIn(answer);
      tellWhatWasDropped(call, issue, made);
      return ticketOf(made);
    } catch (const Failure& failure) {
      throw Failure::uncertain("The issue was probably created, but the answer cannot be used: " +
                               failure.message());
    }
  }

  std::optional<Ticket> find(const Call& call, const dispatch::TicketCreate& request) {
    // Also closed ones, and in whatever project somebody has moved it to.
    const HttpResponse answer = read(call,
                                     "/issues.json?set_filter=1&status_id=*&limit=25&description=" +
                                         dispatch::urlEncode("~" + redmine::markOf(request.incident)),
                                     "The issue of " + request.incident.name + " could not be looked for");
    for (const Json& issue : Members(answer.json()).array("issues"))
      if (redmine::isMarked(Members(issue).textOr("description"), request.incident)) return ticketOf(issue);
    return std::nullopt;
  }

  void update(const Call& call, const dispatch::TicketUpdate& request) {
    const std::string path = "/issues/" + dispatch::urlEncode(request.ticket.resourceId) + ".json";
    const Json now = issueIn(read(call, path, "Issue " + request.ticket.resourceId + " could not be read"));
    Json issue = fields(call, request.incident, request.metadata);
    const std::string before = Members(now).textOr("description");
    const std::string after = redmine::withPart(before, request.incident,
                                                redmine::partOf(request.incident, request.links, _markup));
    if (after != before) issue["description"] = after;
    put(call, path, request.ticket, issue);
    if (issue.contains("status_id") || issue.contains("is_private"))
      tellWhatWasDropped(call, issue, issueIn(read(call, path, "The change could not be read back")));
  }

  void updateMetadata(const Call& call, const dispatch::TicketMetadata& request) {
    Json issue = Json::object();
    addMetadata(call, request.metadata, issue);
    if (request.metadata.contains("project")) issue["project_id"] = projectOf(request.metadata);
    if (!issue.empty())
      put(call, "/issues/" + dispatch::urlEncode(request.ticket.resourceId) + ".json", request.ticket, issue);
  }

  void remove(const Call& call, const dispatch::TicketDelete& request) {
    const HttpResponse answer = send(
        call, http().remove(_url + "/issues/" + dispatch::urlEncode(request.ticket.resourceId) + ".json"));
    if (answer.ok() || answer.status == 404) return;  // gone is gone, whoever did it
    if (answer.status == 403)
      throw Failure::denied("Issue " + request.ticket.resourceId +
                            " was not deleted: Dispatch's role in Redmine lacks the permission to delete "
                            "issues. Give it, then try again, or delete the issue yourself and skip this.");
    throw refusal("Issue " + request.ticket.resourceId + " was not deleted", answer, false);
  }

  dispatch::TestReport test(const Call& call, const Json&) {
    dispatch::TestReport report;
    std::string step = "Login";
    try {
      const Json who =
          Members(read(call, "/users/current.json", "Redmine did not let Dispatch in").json()).object("user");
      report.pass(step, "Redmine knows the key as that of \"" + Members(who).textOr("login") + "\".");
      step = "Project";
      const Json project = projectNamed(call, _project);
      report.pass(step, "\"" + Members(project).textOr("name") + "\" is there.");
      step = "Tracker";
      const Json trackers = Members(project).array("trackers");
      if (trackers.empty())
        throw Failure::invalid("Project " + _project + " has no trackers: give it one in its settings.");
      const Json tracker =
          _tracker.empty() ? trackers.front() : named(trackers, _tracker, "tracker", "\"Tracker\"");
      report.pass(step, "Issues are of tracker \"" + Members(tracker).textOr("name") + "\".");
      step = "Statuses";
      std::string shown;
      for (const auto& [ours, theirs] : _statuses)
        if (!theirs.empty()) {
          statusNumber(call, theirs);
          shown += (shown.empty() ? "" : ", ") + ours + " is \"" + theirs + "\"";
        }
      report.pass(step,
                  shown.empty() ? "None is named: the status of issues is left as it is." : shown + ".");
      report.summary = "Redmine can be used. Nothing was created.";
    } catch (const Failure& failure) {
      report.fail(step, failure.message());
      report.summary = failure.message();
    }
    return report;
  }

 private:
  /// `json` null: without a body.
  HttpResponse send(const Call& call, HttpRequest request, const Json& json = nullptr) const {
    request.header("X-Redmine-API-Key", dispatch::Part::raw(_key)).header("Accept", "application/json");
    if (!json.is_null()) request.json(json);
    return request.send(call);
  }
  HttpResponse read(const Call& call, const std::string& path, const std::string& fault) const {
    HttpResponse answer = send(call, http().get(_url + path));
    if (!answer.ok()) throw refusal(fault, answer, false);
    return answer;
  }
  void put(const Call& call, const std::string& path, const Ticket& ticket, const Json& issue) const {
    const HttpResponse answer = send(call, http().put(_url + path), {{"issue", issue}});
    if (!answer.ok()) throw refusal("Issue " + ticket.resourceId + " was not changed", answer, false);
  }

  static Json issueIn(const HttpResponse& answer) {
    const Json body = answer.json();
    Json issue = body.is_object() ? Members(body).object("issue") : Json::object();
    if (!issue.contains("id") || !issue["id"].is_number_integer())
      throw Failure::unavailable("Redmine's answer names no issue: \"" +
                                 dispatch::quoteLine(answer.body, 120) + "\".");
    return issue;
  }
  Ticket ticketOf(const Json& issue) const {
    const std::string id = std::to_string(issue.at("id").get<std::int64_t>());
    return {id, _url + "/issues/" + id, "redmine-issue"};
  }

  /// What follows from the incident, wherever its issue is.
  Json fields(const Call& call, const Incident& incident, const Json& metadata) const {
    Json issue{{"subject", shortened(incident.title)}};
    if (const auto priority = priorityNumber(call, incident.priority)) issue["priority_id"] = *priority;
    for (const auto& [ours, theirs] : _statuses)
      if (ours == incident.status && !theirs.empty()) issue["status_id"] = statusNumber(call, theirs);
    if (_private) issue["is_private"] = incident.visibility == "Restricted";
    addMetadata(call, metadata, issue);
    return issue;
  }
  /// An incident type's own: tracker, and cf_7 for the custom field with the number 7.
  void addMetadata(const Call& call, const Json& metadata, Json& issue) const {
    const std::string tracker = Members(metadata).textOr("tracker", _tracker);
    if (!tracker.empty())
      issue["tracker_id"] =
          named(Members(projectNamed(call, projectOf(metadata))).array("trackers"), tracker, "tracker",
                metadata.contains("tracker") ? "the incident type's \"tracker\"" : "\"Tracker\"")
              .at("id");
    for (const auto& [key, value] : metadata.items()) {
      if (!key.starts_with("cf_")) continue;
      if (key.size() == 3 || key.find_first_not_of("0123456789", 3) != std::string::npos || key.size() > 12)
        throw Failure::invalid("The incident type's \"" + dispatch::quoteLine(key, 60) +
                               "\" should be cf_ and the number of a custom field, e.g. cf_7.");
      issue["custom_fields"].push_back({{"id", std::stoll(key.substr(3))}, {"value", value}});
    }
  }
  std::string projectOf(const Json& metadata) const { return Members(metadata).textOr("project", _project); }

  Json projectNamed(const Call& call, const std::string& project) const {
    const HttpResponse answer =
        send(call, http().get(_url + "/projects/" + dispatch::urlEncode(project) + ".json?include=trackers"));
    if (answer.status == 403 || answer.status == 404)
      throw Failure::notFound("Project \"" + project + "\" is not there for Dispatch's account (HTTP " +
                              std::to_string(answer.status) +
                              "). Check \"Project\", which is the identifier in its address, and that the "
                              "account is a member of it.");
    if (!answer.ok()) throw refusal("Project " + project + " could not be read", answer, false);
    return Members(answer.json()).object("project");
  }
  std::int64_t statusNumber(const Call& call, const std::string& name) const {
    const Json all = Members(read(call, "/issue_statuses.json", "The statuses could not be read").json())
                         .array("issue_statuses");
    return named(all, name, "issue status", "the statuses in the plugin's settings").at("id");
  }
  /// One of the same name as the incident's; without one, Redmine's own default or what the issue has.
  std::optional<std::int64_t> priorityNumber(const Call& call, const std::string& name) const {
    const auto answer = read(call, "/enumerations/issue_priorities.json", "The priorities could not be read");
    for (const Json& one : Members(answer.json()).array("issue_priorities"))
      if (dispatch::lower(Members(one).textOr("name")) == dispatch::lower(name))
        return Members(one).integer("id");
    return std::nullopt;
  }
  static Json named(const Json& all, const std::string& name, const char* what, const std::string& where) {
    std::string known;
    for (const Json& one : all) {
      const std::string here = Members(one).textOr("name");
      if (dispatch::lower(here) == dispatch::lower(name)) return one;
      known += (known.empty() ? "" : ", ") + here;
    }
    throw Failure::invalid(std::string("Redmine has no ") + what + " \"" + name + "\" there; it has " +
                           (known.empty() ? "none" : known) + ". Correct " + where + ".");
  }

  void tellWhatWasDropped(const Call& call, const Json& wanted, const Json& became) const {
    const std::string id = std::to_string(became.at("id").get<std::int64_t>());
    const Json status = Members(became).object("status");
    if (wanted.contains("status_id") && status.contains("id") && status["id"] != wanted["status_id"])
      log().warning("Issue " + id + " stays in status \"" + Members(status).textOr("name") +
                        "\": Redmine's workflow does not let Dispatch's role set the one in the settings.",
                    &call);
    if (wanted.contains("is_private") && wanted["is_private"] != became.value("is_private", Json(false)))
      log().warning("Issue " + id + (wanted["is_private"] == true ? " is not private" : " stays private") +
                        ": Dispatch's role in Redmine lacks the permission to set issues private.",
                    &call);
  }

  static std::string described(const std::string& what, const HttpResponse& answer) {
    std::string said;
    const Json body = Json::parse(answer.body, nullptr, false);
    if (body.is_object())
      for (const auto& error : Members(body).texts("errors"))
        said += (said.empty() ? "" : "; ") + dispatch::quoteLine(error, 200);
    return what + ": HTTP " + std::to_string(answer.status) + (said.empty() ? "." : ", \"" + said + "\".");
  }
  /// `creates`: a gateway that gave up may stand before a server that went on, and a second issue would be
  /// made.
  static Failure refusal(const std::string& what, const HttpResponse& answer, bool creates) {
    const std::string message = described(what, answer);
    switch (answer.status) {
      case 401:
        return Failure::denied(message + " Check \"API key\".");
      case 403:
        return Failure::denied(message +
                               " Switch on Redmine's REST API (Administration > Settings > API), and "
                               "let the role of Dispatch's account view, add and edit issues.");
      case 404:
      case 410:
        return Failure::notFound(message + " Check \"Server URL\", and whether somebody has deleted it.");
      case 408:
      case 425:
      case 429:
      case 503:
        return Failure::unavailable(message, answer.retryAfter);
      default:
        break;
    }
    if (answer.status >= 500)
      return creates ? Failure::uncertain(message + " Whether it was done is unknown.")
                     : Failure::unavailable(message, answer.retryAfter);
    if (answer.status >= 300 && answer.status <= 399)
      return Failure::invalid(message + " Redmine sends us elsewhere, to \"" +
                              dispatch::quoteLine(answer.header("location"), 200) +
                              "\": correct \"Server URL\".");
    if (answer.status == 422)
      return Failure::invalid(
          message +
          " Fields that the tracker demands are given by the incident type: cf_7 is the custom "
          "field with the number 7. A project that is blank is one to which Dispatch's account may "
          "not add issues.");
    return Failure::invalid(message);
  }

  std::string _url;
  dispatch::Secret _key;
  std::string _project, _tracker;
  std::vector<std::pair<std::string, std::string>> _statuses;  ///< an incident's -> Redmine's name; "" = left
  redmine::Markup _markup;
  bool _private;
};

}  // namespace

DISPATCH_PLUGIN(Redmine)
