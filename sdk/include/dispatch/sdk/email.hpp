#pragma once

#include <dispatch/sdk/plugin.hpp>

namespace dispatch {

struct EmailSend {
  std::string messageId;  ///< "<…@…>", the same for every attempt at this mail
  std::vector<Mailbox> to;
  std::string subject;
  std::string text, html;  ///< UTF-8; html may be empty
  std::string replyTo;     ///< an address, or empty

  static EmailSend fromJson(const Json& value) {
    const Members in(value);
    EmailSend out;
    out.messageId = in.text("message_id");
    for (const Json& recipient : in.array("to")) out.to.push_back(Mailbox::fromJson(recipient));
    out.subject = in.text("subject");
    out.text = in.text("text");
    out.html = in.textOr("html");
    out.replyTo = in.textOr("reply_to");
    return out;
  }
};

struct EmailSent {
  struct Rejection {
    std::string email, reason;
  };
  std::string messageId;
  std::vector<std::string> accepted;
  std::vector<Rejection> rejected;
  std::string response;  ///< the server's words about the mail it took
};
inline Json toJson(const EmailSent& sent) {
  Json out{{"message_id", sent.messageId},
           {"accepted", sent.accepted},
           {"rejected", Json::array()},
           {"response", sent.response}};
  for (const auto& rejection : sent.rejected)
    out["rejected"].push_back({{"email", rejection.email}, {"reason", rejection.reason}});
  return out;
}

/// A way to send mail: contracts/email.json.
class EmailPlugin : public Plugin {
 public:
  using Plugin::Plugin;
  DISPATCH_SDK_METHOD(Send, send, "send", EmailSend, EmailSent, 1, Effect::atMostOnce, true,
                      "EmailSent send(const Call&, const EmailSend&)");
  using Methods = sdk::MethodList<Send>;

 protected:
  ~EmailPlugin() = default;
};

}  // namespace dispatch
