// Lets people log in with the name and password of another service. Change the request to yours.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::AuthAnswer;
using dispatch::Call;
using dispatch::Failure;
using dispatch::Part;

class TEMPLATE_CLASS : public dispatch::AuthProvider {
 public:
  TEMPLATE_CLASS(const dispatch::Host& host, const dispatch::Config& config)
      : AuthProvider(host), _url(config.text("url")), _token(config.secret("token")) {}

  /// What the login page shows.
  dispatch::Json describe(const Call&) {
    const dispatch::Json form = {
        {"type", "object"},
        {"required", {"name", "password"}},
        {"properties",
         {{"name", {{"type", "string"}, {"title", "Name"}}},
          {"password", {{"type", "string"}, {"title", "Password"}, {"format", "password"}}}}}};
    return {{"title", "TEMPLATE_TITLE"}, {"actions", {"login"}}, {"forms", {{"login", form}}}};
  }

  /// A throw denies, and so does anything but an identity.
  AuthAnswer authenticate(const Call& call, const dispatch::AuthRequest& request) {
    if (request.action != dispatch::AuthAction::login)
      return AuthAnswer::deny("This provider can only log in.");
    const auto name = request.field("name");
    const auto answer = http()
                            .post(_url + "/login")
                            .header("Authorization", Part::bearer(_token))
                            .json({{"name", name}, {"password", request.field("password")}})
                            .send(call);
    if (answer.status == 401) return AuthAnswer::deny("Name or password is wrong.", "password");
    if (!answer.ok()) throw refusal(answer);
    const dispatch::Json body = answer.json();
    const dispatch::Members person(body);
    dispatch::AuthIdentity who;
    who.issuer = _url;
    who.subject = person.text("id");
    who.email = person.text("email");
    who.name = person.textOr("name");
    return AuthAnswer::identity(who);
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
