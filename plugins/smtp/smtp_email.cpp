// Mail by SMTP (RFC 5321): submission with STARTTLS or TLS and a login, or a relay that trusts its network.
#include "address.hpp"
#include "session.hpp"

#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::TestReport;

class SmtpEmail : public dispatch::EmailPlugin {
 public:
  SmtpEmail(const dispatch::Host& host, const dispatch::Config& config)
      : EmailPlugin(host), _settings(smtp::Settings::read(config)) {}

  dispatch::EmailSent send(const Call& call, const dispatch::EmailSend& mail) {
    checkMail(mail);
    smtp::Session session(host(), call, _settings);
    (void)session.greet();
    (void)session.secure();
    (void)session.login();
    dispatch::EmailSent sent = session.send(mail, clock().now());
    session.quit();
    for (const auto& rejection : sent.rejected)
      log().warning("Not delivered to " + dispatch::quoteLine(rejection.email, 100) + ": " + rejection.reason,
                    &call);
    return sent;
  }

  /// Connects and logs in as for a mail; sends one only where the operator named a recipient.
  TestReport test(const Call& call, const dispatch::Json& input) {
    TestReport report;
    const char* step = "Connection";
    try {
      smtp::Session session(host(), call, _settings);
      report.pass(step, session.greet());
      step = "Encryption";
      const std::string secured = session.secure();
      if (_settings.security == smtp::Security::plain)
        report.pass(step, "None, as set. Anybody on the way can read the mail.");
      else
        report.pass(step, secured.empty() ? "TLS from the first byte." : secured);
      step = "Login";
      const std::string loggedIn = session.login();
      report.pass(step, loggedIn.empty() ? "None, as set." : loggedIn);
      const std::string recipient(dispatch::trim(dispatch::Members(input).textOr("recipient")));
      if (!recipient.empty()) {
        step = "Test mail";
        const dispatch::EmailSent sent = session.send(testMail(recipient), clock().now());
        report.pass(step, "Accepted for " + recipient + ": " + sent.response);
      }
      session.quit();
      report.summary = recipient.empty() ? "The server can be used. Name a recipient to send a test mail."
                                         : "The server accepted a test mail for " + recipient + ".";
    } catch (const Failure& failure) {
      report.fail(step, failure.message());
      report.summary = failure.message();
    }
    return report;
  }

 private:
  /// What the contract's schema promises and an injection would need: one line each.
  static void checkMail(const dispatch::EmailSend& mail) {
    if (mail.messageId.size() < 5 || mail.messageId.front() != '<' || mail.messageId.back() != '>' ||
        mail.messageId.find_first_of(" \t\r\n") != std::string::npos || !smtp::isAscii(mail.messageId))
      throw Failure::invalid("The mail's message id is not of the form <left@right>.");
    if (!mail.replyTo.empty() && !smtp::addressFault(mail.replyTo).empty())
      throw Failure::invalid(
          "The reply-to address is no e-mail address: " + smtp::addressFault(mail.replyTo) + ".");
  }

  dispatch::EmailSend testMail(const std::string& recipient) const {
    const std::string random = crypto().random(16);
    std::string id;
    for (const char c : random) {
      id += static_cast<char>('a' + (static_cast<unsigned char>(c) >> 4U));
      id += static_cast<char>('a' + (static_cast<unsigned char>(c) & 15U));
    }
    const std::string domain = smtp::domainOf(_settings.sender.address);
    dispatch::EmailSend mail;
    mail.messageId = "<test." + id + "@" + (smtp::isAscii(domain) ? domain : "dispatch.invalid") + ">";
    mail.to = {{recipient, ""}};
    mail.subject = "Dispatch can send mail";
    mail.text =
        "This is a test from the plugin settings of Dispatch. Nothing is wrong, and there is nothing to "
        "do.\n";
    mail.html =
        "<p>This is a test from the plugin settings of Dispatch. Nothing is wrong, and there is nothing to "
        "do.</p>\n";
    return mail;
  }

  smtp::Settings _settings;
};

}  // namespace

DISPATCH_PLUGIN(SmtpEmail)
