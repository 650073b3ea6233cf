#include "client.hpp"

#include "multistatus.hpp"

namespace webdav {

using dispatch::Failure;
using dispatch::HttpResponse;

namespace {

constexpr std::uint64_t maxProperties = 256U << 10;
constexpr std::string_view wantedProperties =
    R"(<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>)";

std::string readAddress(const dispatch::Config& config, const char* setting, const std::string& fallback) {
  std::string url = config.text(setting, "");
  if (url.empty()) url = fallback;
  const auto refuse = [&](const std::string& fault) {
    return Failure::invalid("Setting \"" + std::string(setting) + "\" should be an address such as " +
                            "https://files.example.com/dav, but " + fault + ".");
  };
  const auto scheme = url.find("://");
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    throw refuse("does not begin with https:// or http://");
  if (url.find_first_of(" \t\r\n?#") != std::string::npos) throw refuse("holds white space, \"?\" or \"#\"");
  const auto host = url.substr(scheme + 3, url.find('/', scheme + 3) - scheme - 3);
  if (host.empty()) throw refuse("names no server");
  if (host.find('@') != std::string::npos)
    throw refuse("holds a login: enter that as user name and password");
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string described(const std::string& what, const HttpResponse& answer) {
  return what + ": the server answered with HTTP " + std::to_string(answer.status) + ".";
}

}  // namespace

bool sendsToFolder(const HttpResponse& answer) {
  return answer.status >= 300 && answer.status <= 399 && answer.header("location").ends_with('/');
}

Client::Client(const dispatch::Host& host, const dispatch::Config& config)
    : _http(host),
      _baseUrl(readAddress(config, "base_url", "")),
      _publicUrl(readAddress(config, "public_url", _baseUrl)),
      _username(config.text("username", "")),
      _password(config.optionalSecret("password")) {
  // RFC 7617 section 2: the first colon ends the name.
  if (_username.find(':') != std::string::npos)
    throw Failure::invalid("Setting \"username\" should not hold a colon.");
  if (_username.empty() && _password)
    throw Failure::invalid("Setting \"username\" is empty, but \"password\" is set: enter both or neither.");
  if (!_username.empty() && !_password)
    throw Failure::invalid("Setting \"password\" is empty, but \"username\" is set: enter both or neither.");
}

dispatch::HttpRequest Client::request(std::string method, std::string_view path) const {
  dispatch::HttpRequest request = _http.request(std::move(method), urlOf(path));
  if (_password) request.header("Authorization", dispatch::Part::basic(_username, _password));
  return request;
}

Kind Client::look(const dispatch::Call& call, std::string_view path) const {
  const HttpResponse answer = request("PROPFIND", path)
                                  .header("Depth", "0")
                                  .body(std::string(wantedProperties), "application/xml; charset=utf-8")
                                  .limit(maxProperties)
                                  .send(call);
  if (answer.status == 404 || answer.status == 410) return Kind::nothing;
  if (!isFolder(path) && sendsToFolder(answer)) return Kind::folder;
  const std::string what = "Dispatch asked what is at " + urlOf(path);
  if (answer.status != 207) {
    if (answer.ok())
      throw Failure::invalid(described(what, answer) + " Expected is 207: this is no WebDAV server. Check " +
                             "\"WebDAV address\".");
    throw refusal(what, answer, Asked::reads);
  }
  const auto found = readMultistatus(answer.body);
  if (!found)
    throw Failure::unavailable(what + ", and the answer is no multistatus of WebDAV: \"" +
                               dispatch::quoteLine(answer.body, 120) + "\".");
  return found->collection ? Kind::folder : Kind::document;
}

Failure Client::refusal(const std::string& what, const HttpResponse& answer, Asked asked) const {
  const std::string message = described(what, answer);
  switch (answer.status) {
    case 401: {
      // RFC 9110 section 15.5.4 would have 403 for a right that is missing.
      const std::string offered = dispatch::lower(answer.header("www-authenticate"));
      if (!offered.empty() && offered.find("basic") == std::string::npos)
        return Failure::denied(message + " It wants another login than HTTP Basic, the one Dispatch has: \"" +
                               dispatch::quoteLine(offered, 100) + "\".");
      return Failure::denied(message + (_password
                                            ? " Check \"User name\" and \"Password\", and that they may read "
                                              "and write there: Apache says 401 for both."
                                            : " It wants a login: enter \"User name\" and \"Password\"."));
    }
    case 403:
    case 407:
      return Failure::denied(message + " Let " +
                             (_username.empty() ? std::string("everybody") : "\"" + _username + "\"") +
                             " read and write there, or enter another \"User name\".");
    case 404:
    case 410:
      return Failure::notFound(message + " Check whether it is there, and \"WebDAV address\".");
    case 405:
    case 501:
      return Failure::invalid(message + " The server does not have this method there: check that WebDAV is " +
                              "switched on at \"WebDAV address\".");
    case 423:
      return Failure::unavailable(
          message + " Somebody has locked it; it can be written once they have closed it.",
          answer.retryAfter);
    case 507:
      return Failure::unavailable(message + " There is no room left on the server, or in this quota.",
                                  answer.retryAfter);
    case 408:
    case 425:
    case 429:
    case 503:
      return Failure::unavailable(message, answer.retryAfter);
    default:
      break;
  }
  if (answer.status >= 500)
    return asked == Asked::acts ? Failure::uncertain(message + " Whether it was done is unknown.")
                                : Failure::unavailable(message, answer.retryAfter);
  if (answer.status >= 300 && answer.status <= 399)
    return Failure::invalid(message + " It sends us elsewhere, to \"" +
                            dispatch::quoteLine(answer.header("location"), 200) +
                            "\": correct \"WebDAV address\".");
  // A page of HTML says no more than the status.
  const std::string body = answer.body.starts_with("<!") ? "" : dispatch::quoteLine(answer.body, 200);
  return Failure::invalid(message + (body.empty() ? "" : " It says: \"" + body + "\"."));
}

void Client::test(const dispatch::Call& call, dispatch::TestReport& report, const std::string& folder) const {
  try {
    const Kind found = look(call, folder);
    if (found != Kind::folder) {
      report.fail("Folder", "There is no folder at " + urlOf(folder) +
                                ". Make it on the server, or correct " +
                                (folder == "/" ? "\"WebDAV address\"." : "\"Folder for incidents\"."));
      return;
    }
    report.pass("Folder", "The server speaks WebDAV, and the folder " + urlOf(folder) + " is there.");
  } catch (const Failure& failure) {
    report.fail("Connection", failure.message());
    return;
  }
  try {
    const HttpResponse answer = request("MKCOL", folder).send(call);
    if (answer.status == 405)
      report.pass("Writing", "The server lets us write there, as far as it tells without writing.");
    else
      report.fail("Writing", refusal("Writing to " + urlOf(folder) +
                                         " was tried with a request that changes "
                                         "nothing",
                                     answer, Asked::reads)
                                 .message());
  } catch (const Failure& failure) {
    report.fail("Writing", failure.message());
  }
}

}  // namespace webdav
