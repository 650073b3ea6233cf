#include "session.hpp"

#include "address.hpp"

#include <algorithm>
#include <set>
#include <sstream>

namespace smtp {

using dispatch::Call;
using dispatch::Failure;
using dispatch::Part;

namespace {

constexpr std::size_t mostReplyLines = 128;
constexpr std::size_t chunk = 64 * 1024;

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

/// A refusal in the server's own words, with the status that tells what to do about it.
Failure refusal(const std::string& what, const Reply& reply) {
  const std::string message = what + ": " + reply.text();
  if (reply.transient()) return Failure::unavailable(message);
  const bool policy = reply.code == 530 || reply.code == 534 || reply.code == 535 || reply.code == 538 ||
                      (!reply.lines.empty() && reply.lines.front().starts_with("5.7."));
  if (policy) return Failure::denied(message);
  if (reply.code >= 500 && reply.code <= 599) return Failure::invalid(message);
  return Failure::unavailable(message + " (that is no answer SMTP has here)");
}

/// What went wrong below SMTP before the last dot: nothing was delivered, so it can be tried again.
Failure withoutEffect(const Failure& failure, const std::string& what) {
  switch (failure.status()) {
    case DISPATCH_ERR_INVALID:
    case DISPATCH_ERR_DENIED:
    case DISPATCH_ERR_UNSUPPORTED:
    case DISPATCH_ERR_LIMIT:
      return {failure.status(), what + ": " + failure.message(), failure.retryAfter()};
    default:
      return Failure::unavailable(what + ": " + failure.message(), failure.retryAfter());
  }
}

}  // namespace

std::string Reply::text() const {
  std::string out = std::to_string(code);
  for (const auto& line : lines) out += " " + line;
  return dispatch::quoteLine(out, 400);
}

Session::Session(const dispatch::Host& host, const Call& call, const Settings& settings)
    : _call(call), _settings(settings), _stream([&] {
        try {
          return dispatch::Stream(host, call,
                                  {settings.host, settings.port, settings.security == Security::tls,
                                   settings.acceptAnyCertificate});
        } catch (const Failure& failure) {
          throw withoutEffect(failure,
                              "Could not connect to " + settings.host + ":" + std::to_string(settings.port));
        }
      }()) {}

std::string Session::where() const { return _settings.host + ":" + std::to_string(_settings.port); }

Reply Session::read() {
  try {
    Reply reply;
    for (;;) {
      const std::string line = _stream.readLine(_call);
      const bool digits = line.size() >= 3 && std::all_of(line.begin(), line.begin() + 3,
                                                          [](char c) { return c >= '0' && c <= '9'; });
      const char separator = line.size() > 3 ? line[3] : ' ';
      if (!digits || (separator != ' ' && separator != '-'))
        throw Failure::unavailable("what answers there does not speak SMTP; it said \"" +
                                   dispatch::quoteLine(line, 80) + "\"");
      const int code = std::stoi(line.substr(0, 3));
      if (!reply.lines.empty() && code != reply.code)
        throw Failure::unavailable("the server mixed two replies into one");
      reply.code = code;
      reply.lines.push_back(line.size() > 4 ? line.substr(4) : std::string());
      if (separator == ' ') return reply;
      if (reply.lines.size() >= mostReplyLines) throw Failure::unavailable("the server's reply does not end");
    }
  } catch (const Failure& failure) {
    throw withoutEffect(failure, "Lost " + where() + " while waiting for its answer");
  }
}

Reply Session::command(std::vector<Part> parts) {
  parts.emplace_back("\r\n");
  try {
    _stream.write(_call, parts);
  } catch (const Failure& failure) {
    throw withoutEffect(failure, "Lost " + where() + " while sending a command");
  }
  return read();
}

Reply Session::command(std::string_view line) { return command(std::vector<Part>{Part(line)}); }

std::string Session::greet() {
  const Reply greeting = read();
  if (greeting.code != 220) throw refusal(where() + " does not take mail now", greeting);
  hello();
  return greeting.text();
}

void Session::hello() {
  _extensions.clear();
  Reply reply = command("EHLO " + _settings.heloName);
  if (!reply.ok() && !reply.transient()) reply = command("HELO " + _settings.heloName);
  if (!reply.ok())
    throw refusal(where() + " did not accept our greeting \"" + _settings.heloName + "\"", reply);
  for (std::size_t i = 1; i < reply.lines.size(); ++i) {
    const std::string& line = reply.lines[i];
    const auto end = line.find_first_of(" =");
    _extensions[upper(line.substr(0, end))] = end == std::string::npos ? "" : line.substr(end + 1);
  }
}

std::string Session::secure() {
  if (_settings.security != Security::startTls) return {};
  if (!offers("STARTTLS"))
    throw Failure::denied(where() +
                          " does not offer STARTTLS, and mail is not sent in clear without your consent. Set "
                          "encryption to \"tls\" "
                          "if the server speaks TLS from the first byte (port 465), or to \"plain\" for a "
                          "relay on a trusted network.");
  const Reply reply = command("STARTTLS");
  if (reply.code != 220) throw refusal(where() + " refused to begin TLS", reply);
  try {
    _stream.startTls(_call);
  } catch (const Failure& failure) {
    throw withoutEffect(failure, "No TLS with " + where());
  }
  // What was said in clear may be somebody else's words (RFC 3207 section 4.2).
  hello();
  return reply.text();
}

std::string Session::login() {
  if (!_settings.wantsLogin()) return {};
  std::set<std::string> offered;
  if (const auto found = _extensions.find("AUTH"); found != _extensions.end()) {
    std::istringstream words(upper(found->second));
    for (std::string word; words >> word;) offered.insert(word);
  }
  const bool mayPlain = _settings.login != Login::login && offered.contains("PLAIN");
  const bool mayLogin = _settings.login != Login::plain && offered.contains("LOGIN");
  if (!mayPlain && !mayLogin) {
    std::string list;
    for (const auto& word : offered) list += (list.empty() ? "" : ", ") + word;
    throw Failure::denied(
        where() + " offers " +
        (list.empty() ? "no login here" : "the login methods " + dispatch::quoteLine(list)) +
        ", and this plugin may use " +
        (_settings.login == Login::automatic ? "PLAIN or LOGIN"
         : _settings.login == Login::plain   ? "PLAIN"
                                             : "LOGIN") +
        ". Change \"auth\", or the port: logins are often offered on 587 only.");
  }
  Reply reply;
  if (mayPlain) {
    reply = command({Part("AUTH PLAIN "), Part::saslPlain(_settings.username, _settings.password)});
  } else {
    reply = command("AUTH LOGIN");
    if (reply.code == 334) reply = command(dispatch::base64Encode(_settings.username));
    if (reply.code == 334) reply = command(std::vector<Part>{Part::base64(_settings.password)});
  }
  if (reply.code == 334) throw Failure::denied(where() + " asked for more than user name and password.");
  if (!reply.ok())
    throw refusal(where() + " did not accept user \"" + dispatch::quoteLine(_settings.username, 80) + "\"",
                  reply);
  return reply.text();
}

dispatch::EmailSent Session::send(const dispatch::EmailSend& mail,
                                  std::chrono::system_clock::time_point date) {
  dispatch::EmailSent sent;
  sent.messageId = mail.messageId;
  std::vector<dispatch::Mailbox> recipients;
  std::set<std::string> seen;
  const bool unicode = offers("SMTPUTF8");
  for (const auto& recipient : mail.to) {
    if (!seen.insert(recipient.email).second) continue;
    std::string fault = addressFault(recipient.email);
    if (fault.empty() && !unicode && !isAscii(recipient.email))
      fault = "the server takes ASCII addresses only";
    if (fault.empty())
      recipients.push_back(recipient);
    else
      sent.rejected.push_back({recipient.email, fault});
  }
  if (recipients.empty()) {
    std::string message = "No recipient has an address that can be mailed";
    for (const auto& rejection : sent.rejected)
      message += "; " + dispatch::quoteLine(rejection.email, 100) + ": " + rejection.reason;
    throw Failure::invalid(dispatch::quoteLine(message, 1000) + ".");
  }

  dispatch::EmailSend clean = mail;
  clean.to = recipients;
  const std::string content = stuffDots(composeMessage(clean, _settings.sender, date));
  const bool utf8 =
      !isAscii(_settings.sender.address) || !isAscii(mail.replyTo) || !isAscii(_settings.sender.replyTo) ||
      std::any_of(recipients.begin(), recipients.end(), [](const auto& r) { return !isAscii(r.email); });
  if (utf8 && !unicode)
    throw Failure::invalid(where() +
                           " takes ASCII addresses only, and the sender or reply-to address is not.");

  std::string from = "MAIL FROM:<" + _settings.sender.address + ">";
  if (offers("SIZE")) from += " SIZE=" + std::to_string(content.size());
  if (utf8) from += std::string(offers("8BITMIME") ? " BODY=8BITMIME" : "") + " SMTPUTF8";
  const Reply sender = command(from);
  if (!sender.ok()) throw refusal(where() + " does not take mail from " + _settings.sender.address, sender);

  std::optional<Reply> worst;
  for (const auto& recipient : recipients) {
    const Reply reply = command("RCPT TO:<" + recipient.email + ">");
    if (reply.ok()) {
      sent.accepted.push_back(recipient.email);
      continue;
    }
    if (reply.code == 421) throw refusal(where() + " hung up", reply);
    sent.rejected.push_back({recipient.email, reply.text()});
    if (!worst || reply.transient()) worst = reply;
  }
  if (sent.accepted.empty()) throw refusal(where() + " took none of the recipients", worst.value_or(sender));

  const Reply go = command("DATA");
  if (go.code != 354) throw refusal(where() + " does not take this mail", go);
  try {
    for (std::size_t i = 0; i < content.size(); i += chunk)
      _stream.write(_call, std::string_view(content).substr(i, chunk));
  } catch (const Failure& failure) {
    throw withoutEffect(failure, "Lost " + where() + " while sending the mail");
  }
  Reply taken;
  try {
    _stream.write(_call, ".\r\n");
    taken = read();
  } catch (const Failure& failure) {
    throw Failure::uncertain("The whole mail went to " + where() + ", but its answer did not come: " +
                             failure.message() + " It may have been delivered.");
  }
  if (!taken.ok() && (taken.code < 400 || taken.code > 599))
    throw Failure::uncertain("The whole mail went to " + where() +
                             ", which answered with something that says neither yes nor no: " + taken.text());
  if (!taken.ok()) throw refusal(where() + " did not take the mail", taken);
  sent.response = taken.text();
  return sent;
}

void Session::quit() noexcept {
  try {
    _stream.write(_call, "QUIT\r\n");
  } catch (...) {
    // The mail's fate is known by now; a server that has gone already is no loss.
    return;
  }
}

}  // namespace smtp
