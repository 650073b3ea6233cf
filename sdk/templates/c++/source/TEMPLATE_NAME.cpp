// Asks a service for its alarms, and reports an incident for each. Change what is read to yours.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Part;
using dispatch::Polled;

class TEMPLATE_CLASS : public dispatch::SourcePlugin {
 public:
  TEMPLATE_CLASS(const dispatch::Host& host, const dispatch::Config& config)
      : SourcePlugin(host),
        _url(config.text("url")),
        _token(config.secret("token")),
        _every(config.integer("every_seconds", 60)) {}

  /// The service answers {"alarms": [{"id", "title", "text"}], "next": where to go on}, at most a page of
  /// them. What is told twice, because the server was stopped in between, has its key and counts once.
  Polled poll(const Call& call, std::string_view cursor) {
    const auto answer = http()
                            .get(_url + "/alarms?since=" + dispatch::urlEncode(cursor))
                            .header("Authorization", Part::bearer(_token))
                            .send(call);
    if (answer.status == 401)
      throw dispatch::Failure::denied(
          "The service refuses the token. Make another one there, under its settings.");
    if (!answer.ok())
      throw dispatch::Failure::unavailable("The service answered " + std::to_string(answer.status) + ".");
    const dispatch::Json body = answer.json();
    const dispatch::Members page(body);
    const dispatch::Json alarms = page.array("alarms");
    for (const dispatch::Json& one : alarms) {
      const dispatch::Members alarm(one);
      events().submit(call, {.type = "incident.report",
                             .key = alarm.text("id"),
                             .data = {{"title", alarm.text("title")},
                                      {"description", alarm.textOr("text", "No text came.")}}});
      metrics().count("alarms_total");
    }
    return {page.textOr("next", cursor), !alarms.empty(), std::chrono::seconds(_every)};
  }

 private:
  std::string _url;
  dispatch::Secret _token;
  std::int64_t _every;
};

}  // namespace

DISPATCH_PLUGIN(TEMPLATE_CLASS)
