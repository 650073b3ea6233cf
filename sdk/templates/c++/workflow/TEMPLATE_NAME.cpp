// Runs workflows of an automation system with a small REST interface. Change the requests to yours.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::Part;

class TEMPLATE_CLASS : public dispatch::WorkflowPlugin {
 public:
  TEMPLATE_CLASS(const dispatch::Host& host, const dispatch::Config& config)
      : WorkflowPlugin(host), _url(config.text("url")), _token(config.secret("token")) {}

  dispatch::WorkflowInstance run(const Call& call, const dispatch::WorkflowRun& request) {
    const auto answer = http()
                            .post(_url + "/runs")
                            .header("Authorization", Part::bearer(_token))
                            .json({{"workflow", request.workflowId},
                                   {"params", request.params},
                                   {"incident", request.incident.name}})
                            .send(call);
    if (!answer.ok()) throw refusal(answer);
    try {
      const dispatch::Json body = answer.json();
      const dispatch::Members started(body);
      dispatch::WorkflowInstance instance;
      instance.status = "Running";
      instance.weblink = started.textOr("url");
      instance.instanceId = started.text("id");
      return instance;
    } catch (const Failure& failure) {
      // It was started, but nobody can say as what: a person looks before it is started again.
      throw Failure::uncertain("The answer to a new run cannot be used: " + failure.message());
    }
  }

  /// Stands behind the Test button: proves that the settings work, without an effect that anybody would
  /// notice.
  dispatch::TestReport test(const Call& call, const dispatch::Json&) {
    dispatch::TestReport report;
    const auto answer = http().get(_url + "/me").header("Authorization", Part::bearer(_token)).send(call);
    if (answer.ok())
      report.pass("Login", "The service knows us.");
    else
      report.fail("Login", refusal(answer).message());
    report.summary = report.checks.back().detail;
    return report;
  }

 private:
  /// What the service's refusal means for the host: try again, or let a person act.
  static Failure refusal(const dispatch::HttpResponse& answer) {
    const std::string message = "The service answered HTTP " + std::to_string(answer.status) + ": " +
                                dispatch::quoteLine(answer.body, 200);
    if (answer.status == 401 || answer.status == 403)
      return Failure::denied(message + " Check \"API token\".");
    if (answer.status == 429 || answer.status == 503) return Failure::unavailable(message, answer.retryAfter);
    return answer.status >= 500 ? Failure::uncertain(message) : Failure::invalid(message);
  }

  std::string _url;
  dispatch::Secret _token;
};

}  // namespace

DISPATCH_PLUGIN(TEMPLATE_CLASS)
