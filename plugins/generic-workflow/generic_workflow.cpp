// Any automation system behind a small REST contract:
//   POST api_url  {"workflow_id", "params", "incident_name"}     starts a run
//   GET  api_url?workflow_id=…&tags=…&tags=…                     tells how it stands
// Both answer {"status": "Running" | "Completed" | "Failed", "weblink"?, "artifacts"?, "instance_id"?}.
#include <dispatch/sdk.hpp>

#include <algorithm>
#include <array>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::HttpRequest;
using dispatch::HttpResponse;
using dispatch::Json;
using dispatch::WorkflowInstance;

class GenericWorkflow : public dispatch::WorkflowPlugin {
 public:
  GenericWorkflow(const dispatch::Host& host, const dispatch::Config& config)
      : WorkflowPlugin(host),
        _url(config.text("api_url")),
        _authHeader(config.optionalSecret("auth_header")),
        _keyHeader(config.text("idempotency_key_header", "")) {
    const auto scheme = _url.find("://");
    if ((!_url.starts_with("http://") && !_url.starts_with("https://")) || scheme + 3 == _url.size())
      throw Failure::invalid("Setting \"api_url\" should begin with https:// or http://.");
    if (_url.find_first_of(" \t\r\n#") != std::string::npos)
      throw Failure::invalid("Setting \"api_url\" should hold neither white space nor \"#\".");
    constexpr std::array<std::string_view, 5> taken{"authorization", "content-type", "content-length", "host",
                                                    "accept"};
    if (std::find(taken.begin(), taken.end(), dispatch::lower(_keyHeader)) != taken.end())
      throw Failure::invalid(
          "Setting \"idempotency_key_header\" names a header that has another meaning: " + _keyHeader + ".");
  }

  /// A peer that recognises the key takes a repeated start for the same one.
  dispatch::Effect effectOf(std::string_view method) const {
    if (method == "get_instance") return dispatch::Effect::read;
    return _keyHeader.empty() ? dispatch::Effect::atMostOnce : dispatch::Effect::idempotent;
  }

  WorkflowInstance run(const Call& call, const dispatch::WorkflowRun& request) {
    HttpRequest post = http().post(_url);
    authorize(post).json({{"workflow_id", request.workflowId},
                          {"params", request.params},
                          {"incident_name", request.incident.name}});
    if (!_keyHeader.empty() && !call.idempotencyKey().empty()) post.header(_keyHeader, call.idempotencyKey());
    const HttpResponse answer = post.send(call);
    if (!answer.ok()) throw refusal("The workflow was not started", answer, true);
    try {
      return read(answer);
    } catch (const Failure& failure) {
      // It was started, but nobody can say as what.
      throw Failure::uncertain("The workflow was probably started, but the answer cannot be used: " +
                               failure.message());
    }
  }

  WorkflowInstance getInstance(const Call& call, const dispatch::WorkflowQuery& query) {
    std::string url = _url + (_url.find('?') == std::string::npos ? "?" : "&") +
                      "workflow_id=" + dispatch::urlEncode(query.workflowId);
    for (const std::string& tag : query.tags) url += "&tags=" + dispatch::urlEncode(tag);
    HttpRequest get = http().get(url);
    const HttpResponse answer = authorize(get).send(call);
    if (!answer.ok()) throw refusal("The workflow's state could not be read", answer, false);
    return read(answer);
  }

  /// Reaches the API and shows whether it lets us in, without starting anything.
  dispatch::TestReport test(const Call& call, const Json&) {
    dispatch::TestReport report;
    try {
      HttpRequest options = http().request("OPTIONS", _url);
      HttpResponse answer = authorize(options).send(call);
      if (answer.status == 405 || answer.status == 501 || answer.status == 404) {
        HttpRequest get = http().get(_url);
        answer = authorize(get).send(call);
      }
      report.pass("Connection", "The server answered with HTTP " + std::to_string(answer.status) + ".");
      if (answer.status == 401 || answer.status == 403)
        report.fail("Authorization", described("The API did not let us in", answer) +
                                         (_authHeader ? " Check \"Authorization header\"."
                                                      : " Fill in \"Authorization header\"."));
      else if (answer.status == 429)
        // Whether it would let us in is not known then.
        report.fail("API", described("The API wants to be asked less often", answer) + " Test again later.");
      else if (answer.status >= 500)
        report.fail("API", described("The API is not well", answer));
      else if (answer.status >= 300 && answer.status <= 399)
        report.fail("API", "The API sends us elsewhere, to " +
                               dispatch::quoteLine(answer.header("location"), 200) +
                               ". Enter that address if it is right.");
      else if (answer.status == 404 || answer.status == 410)
        report.fail("API", described("There is nothing at this address", answer));
      else
        report.pass("Authorization", _authHeader ? "The API did not object to our authorization."
                                                 : "None is set, and none was asked for.");
      report.summary = report.ok() ? "The API can be reached." : report.checks.back().detail;
    } catch (const Failure& failure) {
      report.fail("Connection", failure.message());
      report.summary = failure.message();
    }
    return report;
  }

 private:
  HttpRequest& authorize(HttpRequest& request) const {
    request.header("Accept", "application/json");
    if (_authHeader) request.header("Authorization", dispatch::Part::raw(_authHeader));
    return request;
  }

  static std::string described(const std::string& what, const HttpResponse& answer) {
    const std::string body = dispatch::quoteLine(answer.body, 200);
    return what + ": HTTP " + std::to_string(answer.status) + (body.empty() ? "." : ", \"" + body + "\".");
  }

  /// `hasEffect`: a gateway that gave up may stand before a server that went on.
  static Failure refusal(const std::string& what, const HttpResponse& answer, bool hasEffect) {
    const std::string message = described(what, answer);
    switch (answer.status) {
      case 401:
      case 403:
      case 407:
        return Failure::denied(message + " Check \"Authorization header\" in the plugin's settings.");
      case 404:
      case 410:
        return Failure::notFound(message + " Check the workflow's id and \"API URL\".");
      case 408:
      case 425:
      case 429:
      case 503:
        return Failure::unavailable(message, answer.retryAfter);
      default:
        break;
    }
    if (answer.status >= 500)
      return hasEffect ? Failure::uncertain(described("The API failed", answer) +
                                            " Whether the workflow was started is unknown.")
                       : Failure::unavailable(message, answer.retryAfter);
    if (answer.status >= 300 && answer.status <= 399)
      return Failure::invalid(message + " The API has moved; enter its address in \"API URL\".");
    return Failure::invalid(message);
  }

  static WorkflowInstance read(const HttpResponse& answer) {
    const Json body = answer.json();
    if (!body.is_object())
      throw Failure::unavailable("the API answered with something that is no JSON object.");
    const dispatch::Members in(body);
    WorkflowInstance out;
    const std::string status = dispatch::lower(in.textOr("status"));
    for (const char* known : {"Running", "Completed", "Failed"})
      if (status == dispatch::lower(known)) out.status = known;
    if (out.status.empty())
      throw Failure::unavailable("the API answered with status \"" +
                                 dispatch::quoteLine(in.textOr("status"), 60) +
                                 "\", but should say Running, Completed or Failed.");
    out.weblink = in.textOr("weblink");
    out.instanceId = in.textOr("instance_id");
    out.artifacts = in.array("artifacts");
    return out;
  }

  std::string _url;
  dispatch::Secret _authHeader;
  std::string _keyHeader;
};

}  // namespace

DISPATCH_PLUGIN(GenericWorkflow)
