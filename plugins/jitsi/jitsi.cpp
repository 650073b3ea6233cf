// Rooms of a Jitsi Meet server. A room is there as soon as somebody visits its address and gone when the last
// one leaves, so nothing is asked of the server: a room's name is all that keeps strangers out, and the work
// of this plugin is to make one that only who knows the secret can work out.
#include <dispatch/sdk.hpp>

#include "room.hpp"

namespace {

using dispatch::Call;
using dispatch::Conference;
using dispatch::Failure;
using dispatch::HttpResponse;
using dispatch::Json;

class Jitsi : public dispatch::ConferencePlugin {
 public:
  Jitsi(const dispatch::Host& host, const dispatch::Config& config)
      : ConferencePlugin(host),
        _url(config.text("url", "https://meet.jit.si")),
        _secret(config.secret("room_secret")),
        _pattern(config.text("room_pattern", "{name}-{suffix}")),
        _challenge(config.text("challenge", "")) {
    const auto scheme = _url.find("://");
    if ((!_url.starts_with("http://") && !_url.starts_with("https://")) || scheme + 3 == _url.size())
      throw Failure::invalid("Setting \"url\" should begin with https:// or http://.");
    if (_url.find_first_of(" \t\r\n?#") != std::string::npos)
      throw Failure::invalid("Setting \"url\" should hold neither white space nor \"?\" nor \"#\".");
    while (_url.ends_with('/')) _url.pop_back();
    if (!jitsi::soundPattern(_pattern))
      throw Failure::invalid(
          "Setting \"room_pattern\" should hold {suffix} once, and beside it only {name}, {id}, letters, "
          "digits, \"-\" and \"_\", but is \"" +
          dispatch::quoteLine(_pattern, 120) + "\". Without {suffix}, outsiders could guess the rooms.");
  }

  /// The same incident has the same room, and making it asks nobody.
  dispatch::Effect effectOf(std::string_view) const { return dispatch::Effect::idempotent; }

  Conference create(const Call& call, const dispatch::ConferenceCreate& request) {
    const std::string room = roomOf(call, request.incident.name, std::to_string(request.incident.id));
    return {room, _url + '/' + room, _challenge, "jitsi-room"};
  }

  /// Whether a Jitsi Meet server is there: all of them, with and without tenants, serve config.js to
  /// everybody. No room is visited.
  dispatch::TestReport test(const Call& call, const Json&) {
    dispatch::TestReport report;
    try {
      checkServer(http().get(_url + "/config.js").redirects(3).send(call), report);
    } catch (const Failure& failure) {
      report.fail("Server", failure.message());
    }
    try {
      report.pass("Room names", "A room's address looks like " + _url + '/' +
                                    roomOf(call, "dispatch-default-default-0", "0") + '.');
    } catch (const Failure& failure) {
      report.fail("Room names", failure.message() + " Check \"Room secret\".");
    }
    report.summary = "The server is a Jitsi Meet server.";
    for (const auto& check : report.checks)
      if (!check.ok) report.summary = check.detail;
    return report;
  }

 private:
  /// What no operation of Dispatch changes goes into the digest: a title or a project's name would give an
  /// incident a second room when the step is repeated after it was changed.
  std::string roomOf(const Call& call, const std::string& name, const std::string& id) const {
    const std::string digest = crypto().mac(call, "hmac-sha256", _secret, "jitsi room\n" + id + '\n' + name);
    return jitsi::roomName(_pattern, name, id, jitsi::suffixOf(digest));
  }

  void checkServer(const HttpResponse& answer, dispatch::TestReport& report) const {
    const std::string asked = _url + "/config.js answered with HTTP " + std::to_string(answer.status);
    if (answer.ok() && answer.body.find("config") != std::string::npos &&
        answer.body.find("hosts") != std::string::npos)
      report.pass("Server", asked + " and the settings of a Jitsi Meet server.");
    else if (answer.ok())
      report.fail("Server", asked + ", but not with the settings (\"hosts\") of a Jitsi Meet server: \"" +
                                dispatch::quoteLine(answer.body, 100) + "\". Check \"Server URL\".");
    else if (answer.status == 401 || answer.status == 403 || answer.status == 407)
      report.fail("Server", asked +
                                ": something before the server wants a login. People can open rooms only if "
                                "their browsers get past it; Dispatch cannot tell.");
    else if (answer.status == 429 || answer.status >= 500)
      report.fail("Server", asked + ": the server is not well. Test again later.");
    else if (answer.status >= 300 && answer.status <= 399)
      report.fail("Server", asked + " and sends us elsewhere, to " +
                                dispatch::quoteLine(answer.header("location"), 200) +
                                ". Enter that server in \"Server URL\" if it is right.");
    else
      report.fail("Server", asked + ", so there is no Jitsi Meet server. Check \"Server URL\".");
  }

  std::string _url;
  dispatch::Secret _secret;
  std::string _pattern;
  std::string _challenge;
};

}  // namespace

DISPATCH_PLUGIN(Jitsi)
