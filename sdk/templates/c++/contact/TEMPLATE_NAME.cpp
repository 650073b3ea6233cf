// What a directory of people knows of somebody. Change the request to yours.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::Part;

class TEMPLATE_CLASS : public dispatch::ContactPlugin {
 public:
  TEMPLATE_CLASS(const dispatch::Host& host, const dispatch::Config& config)
      : ContactPlugin(host), _url(config.text("url")), _token(config.secret("token")) {}

  dispatch::Contact get(const Call& call, const dispatch::ContactGet& request) {
    const auto answer = http()
                            .get(_url + "/people?email=" + dispatch::urlEncode(request.email))
                            .header("Authorization", Part::bearer(_token))
                            .send(call);
    if (answer.status == 404) throw Failure::notFound("The directory does not know " + request.email + ".");
    if (!answer.ok()) throw refusal(answer);
    const dispatch::Json body = answer.json();
    const dispatch::Members person(body);
    dispatch::Contact contact;
    contact.fullname = person.text("name");
    contact.email = request.email;
    contact.title = person.textOr("title");
    contact.team = person.textOr("team");
    return contact;
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
