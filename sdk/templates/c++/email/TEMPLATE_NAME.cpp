// Mail through a service with a REST interface. Change the request to yours.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::Part;

class TEMPLATE_CLASS : public dispatch::EmailPlugin {
 public:
  TEMPLATE_CLASS(const dispatch::Host& host, const dispatch::Config& config)
      : EmailPlugin(host), _url(config.text("url")), _token(config.secret("token")) {}

  dispatch::EmailSent send(const Call& call, const dispatch::EmailSend& mail) {
    dispatch::Json to = dispatch::Json::array();
    for (const auto& recipient : mail.to) to.push_back(recipient.email);
    const auto answer =
        http()
            .post(_url + "/messages")
            .header("Authorization", Part::bearer(_token))
            .json({{"id", mail.messageId}, {"to", to}, {"subject", mail.subject}, {"text", mail.text}})
            .send(call);
    if (!answer.ok()) throw refusal(answer);
    try {
      if (!answer.json().is_object()) throw Failure::invalid("It is no JSON object.");
    } catch (const Failure& failure) {
      // Something between us and the service may have answered: nobody can say whether the mail went out.
      throw Failure::uncertain("The answer to a mail cannot be used: " + failure.message());
    }
    dispatch::EmailSent sent;
    sent.messageId = mail.messageId;
    for (const auto& recipient : mail.to) sent.accepted.push_back(recipient.email);
    sent.response = dispatch::quoteLine(answer.body, 200);
    return sent;
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
