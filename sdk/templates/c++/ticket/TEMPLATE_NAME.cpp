// A ticket for every incident, in a tracker with a small REST interface. Change the requests to yours.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::Part;
using dispatch::Ticket;

class TEMPLATE_CLASS : public dispatch::TicketPlugin {
 public:
  TEMPLATE_CLASS(const dispatch::Host& host, const dispatch::Config& config)
      : TicketPlugin(host), _url(config.text("url")), _token(config.secret("token")) {}

  Ticket create(const Call& call, const dispatch::TicketCreate& request) {
    const auto answer = http()
                            .post(_url + "/tickets")
                            .header("Authorization", Part::bearer(_token))
                            .json({{"external_id", request.incident.name}, {"title", request.incident.title}})
                            .send(call);
    if (answer.status != 201) throw refusal(answer);
    try {
      return read(answer);
    } catch (const Failure& failure) {
      // It was made, but nobody can say as what: the host asks find before it repeats this.
      throw Failure::uncertain("The answer to a new ticket cannot be used: " + failure.message());
    }
  }

  /// The host asks this before it repeats a create whose outcome is unknown.
  std::optional<Ticket> find(const Call& call, const dispatch::TicketCreate& request) {
    const auto answer = http()
                            .get(_url + "/tickets?external_id=" + dispatch::urlEncode(request.incident.name))
                            .header("Authorization", Part::bearer(_token))
                            .send(call);
    if (answer.status == 404) return std::nullopt;
    if (!answer.ok()) throw refusal(answer);
    return read(answer);
  }

  void update(const Call& call, const dispatch::TicketUpdate& request) {
    const auto answer = http()
                            .put(_url + "/tickets/" + dispatch::urlEncode(request.ticket.resourceId))
                            .header("Authorization", Part::bearer(_token))
                            .json({{"title", request.incident.title}, {"status", request.incident.status}})
                            .send(call);
    if (!answer.ok()) throw refusal(answer);
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
  static Ticket read(const dispatch::HttpResponse& answer) {
    const dispatch::Json body = answer.json();
    const dispatch::Members ticket(body);
    return {ticket.text("key"), ticket.textOr("url"), "TEMPLATE_ID"};
  }

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
