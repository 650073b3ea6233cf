#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dispatch::testing::CallOptions;
using dispatch::testing::Connection;
using dispatch::testing::FakeHost;
using dispatch::testing::Json;
using dispatch::testing::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// How the server behaves, and what it saw.
struct World {
  std::vector<std::string> extensions{"PIPELINING", "SIZE 1000000", "8BITMIME", "STARTTLS"};
  std::vector<std::string> extensionsInTls{"SIZE 1000000", "8BITMIME", "AUTH LOGIN PLAIN"};
  std::map<std::string, std::string> replies;  ///< beginning of a command -> reply instead of the usual
  std::string greeting = "220 mx.example.com ESMTP\r\n";
  std::string
      hangUpAt;  ///< beginning of the command that ends the connection without a reply; "." is the last dot
  bool tlsWorks = true;
  std::string smuggled;  ///< sent in clear behind the reply to STARTTLS

  std::vector<std::string> commands;
  std::vector<std::string> mails;
  bool tls = false;
};

class Server : public dispatch::testing::Peer {
 public:
  Server(World& world, bool tls) : _world(world) { world.tls = tls; }
  std::string greet() override { return _world.greeting; }
  bool startTls() override {
    _world.tls = _world.tlsWorks;
    return _world.tlsWorks;
  }
  bool closed() const override { return _closed; }
  std::string receive(const std::string& bytes) override {
    _buffer += bytes;
    std::string out;
    for (std::size_t end = 0; !_closed && (end = _buffer.find("\r\n")) != std::string::npos;) {
      const std::string line = _buffer.substr(0, end);
      _buffer.erase(0, end + 2);
      out += _data ? takeLine(line) : answer(line);
    }
    return out;
  }

 private:
  std::string takeLine(const std::string& line) {
    if (line != ".") {
      _mail += (line.starts_with(".") ? line.substr(1) : line) + "\r\n";
      return {};
    }
    _data = false;
    _world.mails.push_back(std::exchange(_mail, {}));
    return reply(".", "250 2.0.0 Ok: queued as 4F1A2\r\n");
  }
  std::string answer(const std::string& line) {
    _world.commands.push_back(line);
    if (line.starts_with("EHLO")) {
      std::string out = "250-mx.example.com\r\n";
      const auto& offered = _world.tls ? _world.extensionsInTls : _world.extensions;
      for (const auto& extension : offered) out += "250-" + extension + "\r\n";
      return reply(line, out + "250 HELP\r\n");
    }
    if (line == "STARTTLS") return reply(line, "220 Go ahead\r\n") + _world.smuggled;
    if (line == "DATA") {
      const std::string out = reply(line, "354 End with a dot\r\n");
      _data = out.starts_with("354");
      return out;
    }
    if (line.starts_with("AUTH PLAIN")) return reply(line, "235 2.7.0 Welcome\r\n");
    if (line.starts_with("AUTH LOGIN")) {
      _loginStep = 1;
      return reply(line, "334 VXNlcm5hbWU6\r\n");
    }
    if (_loginStep > 0)
      return _loginStep++ == 1 ? "334 UGFzc3dvcmQ6\r\n" : (_loginStep = 0, "235 2.7.0 Welcome\r\n");
    return reply(line, "250 2.1.0 Ok\r\n");
  }
  std::string reply(const std::string& line, std::string usual) {
    if (!_world.hangUpAt.empty() && line.starts_with(_world.hangUpAt)) {
      _closed = true;
      return {};
    }
    for (const auto& [beginning, instead] : _world.replies)
      if (line.starts_with(beginning)) return instead + "\r\n";
    return usual;
  }

  World& _world;
  std::string _buffer, _mail;
  bool _data = false, _closed = false;
  int _loginStep = 0;
};

class SmtpEmail : public testing::Test {
 protected:
  SmtpEmail() {
    host.onConnect = [this](const Connection& connection) {
      return std::make_unique<Server>(world, connection.tls);
    };
    settings = {{"host", "mx.example.com"},
                {"port", 587},
                {"username", "dispatch"},
                {"password", host.secret("pa\"ss")},
                {"from_address", "dispatch@example.com"},
                {"from_name", "Dispatch"}};
    mail = {{"message_id", "<step-41@dispatch.example.com>"},
            {"to", {{{"email", "grace@example.com"}, {"name", "Grace Hopper"}}}},
            {"subject", "Checkout answers 503"},
            {"text", "First line\n.starts with a dot\n"},
            {"html", "<p>First</p>"}};
  }
  Outcome send(const CallOptions& options = {}) {
    return host.load(dispatch_plugin_query_v1(), settings).invoke("send", mail, options);
  }
  Outcome test(const Json& input = Json::object()) {
    return host.load(dispatch_plugin_query_v1(), settings).test(input);
  }

  FakeHost host;
  World world;
  Json settings, mail;
};

TEST_F(SmtpEmail, SubmitsAfterStartTlsAndLogin) {
  const Outcome outcome = send();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"message_id", "<step-41@dispatch.example.com>"},
                                 {"accepted", {"grace@example.com"}},
                                 {"rejected", Json::array()},
                                 {"response", "250 2.0.0 Ok: queued as 4F1A2"}}));
  EXPECT_THAT(world.commands,
              ElementsAre("EHLO example.com", "STARTTLS", "EHLO example.com",
                          "AUTH PLAIN " + dispatch::base64Encode(std::string("\0dispatch\0pa\"ss", 15)),
                          testing::StartsWith("MAIL FROM:<dispatch@example.com> SIZE="),
                          "RCPT TO:<grace@example.com>", "DATA", "QUIT"));
  ASSERT_EQ(world.mails.size(), 1U);
  EXPECT_THAT(world.mails[0], HasSubstr("Message-ID: <step-41@dispatch.example.com>\r\n"));
  EXPECT_THAT(world.mails[0], HasSubstr("\r\n.starts with a dot\r\n"));
}

TEST_F(SmtpEmail, SaysThatAnUnknownOutcomeMustNotBeRepeated) {
  EXPECT_EQ(host.load(dispatch_plugin_query_v1(), settings).effect("send"), DISPATCH_EFFECT_AT_MOST_ONCE);
}

TEST_F(SmtpEmail, NeverFallsBackToClearTextWhenStartTlsIsMissing) {
  world.extensions = {"AUTH PLAIN LOGIN"};
  const Outcome outcome = send();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message, HasSubstr("does not offer STARTTLS"));
  EXPECT_THAT(world.commands, ElementsAre("EHLO example.com"));
}

TEST_F(SmtpEmail, StopsWhereTlsFailsOrIsRefused) {
  world.tlsWorks = false;
  EXPECT_EQ(send().status, DISPATCH_ERR_DENIED);
  world.replies["STARTTLS"] = "454 4.7.0 TLS not available";
  EXPECT_EQ(send().status, DISPATCH_ERR_UNAVAILABLE);
  for (const auto& command : world.commands) EXPECT_THAT(command, Not(HasSubstr("AUTH")));
}

TEST_F(SmtpEmail, RefusesWhatSomebodyInsertedBeforeTls) {
  world.smuggled = "250 injected\r\n";
  const Outcome outcome = send();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(outcome.message, HasSubstr("in clear after it had agreed to TLS"));
  EXPECT_FALSE(world.tls);
}

TEST_F(SmtpEmail, ForgetsWhatWasOfferedBeforeTls) {
  world.extensions = {"STARTTLS", "AUTH PLAIN"};
  world.extensionsInTls = {"SIZE"};
  const Outcome outcome = send();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message, HasSubstr("offers no login here"));
}

TEST_F(SmtpEmail, SpeaksTlsFromTheFirstByte) {
  settings["security"] = "tls";
  settings["port"] = 465;
  ASSERT_TRUE(send().ok());
  ASSERT_EQ(host.connections.size(), 1U);
  EXPECT_TRUE(host.connections[0].tls);
  EXPECT_FALSE(host.connections[0].allowUntrusted);
}

TEST_F(SmtpEmail, LogsInByLoginWhereThatIsAllThereIs) {
  world.extensionsInTls = {"AUTH LOGIN"};
  ASSERT_TRUE(send().ok());
  EXPECT_THAT(world.commands, testing::Contains("AUTH LOGIN"));
  EXPECT_THAT(world.commands, testing::Contains(dispatch::base64Encode("dispatch")));
  EXPECT_THAT(world.commands, testing::Contains(dispatch::base64Encode("pa\"ss")));
}

TEST_F(SmtpEmail, KeepsAPasswordOffAnOpenWire) {
  settings["security"] = "plain";
  const Outcome refused = host.tryLoad(dispatch_plugin_query_v1(), settings);
  EXPECT_EQ(refused.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(refused.message, HasSubstr("for everybody to read"));
  settings["allow_auth_without_tls"] = true;
  world.extensions = {"AUTH PLAIN"};
  EXPECT_TRUE(send().ok());
}

TEST_F(SmtpEmail, UsesARelayWithoutLogin) {
  settings.erase("username");
  settings.erase("password");
  settings["security"] = "plain";
  settings["helo_name"] = "dispatch.internal";
  ASSERT_TRUE(send().ok());
  EXPECT_EQ(world.commands[0], "EHLO dispatch.internal");
  for (const auto& command : world.commands) EXPECT_THAT(command, Not(HasSubstr("AUTH")));
}

TEST_F(SmtpEmail, GreetsAnOldServerInItsOwnWay) {
  settings.erase("username");
  settings.erase("password");
  settings["security"] = "plain";
  world.replies["EHLO"] = "502 unknown command";
  ASSERT_TRUE(send().ok());
  EXPECT_EQ(world.commands[1], "HELO example.com");
}

TEST_F(SmtpEmail, TellsEachRecipientsFate) {
  mail["to"] = {{{"email", "grace@example.com"}},
                {{"email", "gone@example.com"}},
                {{"email", "grace@example.com"}},
                {{"email", "no one@example.com"}}};
  world.replies["RCPT TO:<gone"] = "550 5.1.1 No such user";
  const Outcome outcome = send();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["accepted"], Json{"grace@example.com"});
  EXPECT_EQ(outcome.value["rejected"],
            (Json{{{"email", "no one@example.com"},
                   {"reason", "the part before \"@\" is not allowed in an address"}},
                  {{"email", "gone@example.com"}, {"reason", "550 5.1.1 No such user"}}}));
  EXPECT_THAT(world.mails.at(0), Not(HasSubstr("no one")));
}

TEST_F(SmtpEmail, FailsWhereNobodyGotIt) {
  world.replies["RCPT"] = "550 5.1.1 No such user";
  EXPECT_EQ(send().status, DISPATCH_ERR_INVALID);
  world.replies["RCPT"] = "451 4.7.1 Greylisted, come back later";
  EXPECT_EQ(send().status, DISPATCH_ERR_UNAVAILABLE);
  world.replies["RCPT"] = "550 5.7.1 Relaying denied";
  EXPECT_EQ(send().status, DISPATCH_ERR_DENIED);
  EXPECT_TRUE(world.mails.empty());
}

TEST_F(SmtpEmail, NothingInAMailBecomesACommand) {
  mail["subject"] = "x\r\nBcc: everybody@example.com\r\n\r\nbody";
  mail["to"] = {{{"email", "grace@example.com"}, {"name", "G\r\nBcc: a@example.com"}}};
  mail["text"] = "one\r\n.\r\nMAIL FROM:<evil@example.com>\r\n";
  ASSERT_TRUE(send().ok());
  ASSERT_EQ(world.mails.size(), 1U);
  EXPECT_THAT(world.mails[0], Not(HasSubstr("\r\nBcc:")));
  EXPECT_THAT(world.mails[0], HasSubstr("\r\n.\r\nMAIL FROM:<evil@example.com>\r\n"));
  mail["to"] = {{{"email", "a@example.com>\r\nRCPT TO:<b@example.com"}}};
  EXPECT_EQ(send().status, DISPATCH_ERR_INVALID);
  mail["to"] = {{{"email", "a@example.com"}}};
  mail["message_id"] = "<a@b>\r\nX: y";
  EXPECT_EQ(send().status, DISPATCH_ERR_INVALID);
  mail["message_id"] = "<a@b>";
  mail["reply_to"] = "a@b\r\nX: y";
  EXPECT_EQ(send().status, DISPATCH_ERR_INVALID);
}

TEST_F(SmtpEmail, AddressesOutsideAsciiNeedAServerThatTakesThem) {
  mail["to"] = {{{"email",
                  "gr\xC3\xA4"
                  "ce@example.com"}}};
  EXPECT_EQ(send().status, DISPATCH_ERR_INVALID);
  world.extensionsInTls = {"AUTH PLAIN", "8BITMIME", "SMTPUTF8"};
  world.commands.clear();
  ASSERT_TRUE(send().ok());
  EXPECT_THAT(world.commands, testing::Contains("MAIL FROM:<dispatch@example.com> BODY=8BITMIME SMTPUTF8"));
}

/// Every step before the last dot: the mail cannot have been delivered, and the status says so.
class BeforeTheDot : public SmtpEmail, public testing::WithParamInterface<const char*> {};
TEST_P(BeforeTheDot, AHangUpIsUnavailable) {
  world.hangUpAt = GetParam();
  const Outcome outcome = send();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE) << outcome.message;
  EXPECT_TRUE(world.mails.empty());
}
TEST_P(BeforeTheDot, ATemporaryRefusalIsUnavailable) {
  world.replies[GetParam()] = "421 4.3.2 Shutting down";
  const Outcome outcome = send();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE) << outcome.message;
  EXPECT_THAT(outcome.message, HasSubstr("421 4.3.2 Shutting down"));
}
INSTANTIATE_TEST_SUITE_P(Steps, BeforeTheDot,
                         testing::Values("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"));

TEST_F(SmtpEmail, SilenceAfterTheDotIsUncertain) {
  world.hangUpAt = ".";
  const Outcome outcome = send();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNCERTAIN);
  EXPECT_THAT(outcome.message, HasSubstr("may have been delivered"));
}

TEST_F(SmtpEmail, ARefusalAfterTheDotIsNoDelivery) {
  world.replies["."] = "452 4.3.1 Disk full";
  EXPECT_EQ(send().status, DISPATCH_ERR_UNAVAILABLE);
  world.replies["."] = "554 5.7.1 Looks like spam";
  EXPECT_EQ(send().status, DISPATCH_ERR_DENIED);
  world.replies["."] = "354 what";
  EXPECT_EQ(send().status, DISPATCH_ERR_UNCERTAIN);
}

TEST_F(SmtpEmail, AFaultOnTheWireBeforeTheDotIsNeverUncertain) {
  for (const char* side : {"dispatch.stream/1 read", "dispatch.stream/1 write", "dispatch.stream/1"})
    for (const auto status :
         {DISPATCH_ERR_TIMEOUT, DISPATCH_ERR_UNCERTAIN, DISPATCH_ERR_UNAVAILABLE, DISPATCH_ERR_CANCELLED}) {
      host.fail(side, status, "The cable was cut.");
      const Outcome outcome = send();
      EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE) << side;
      EXPECT_THAT(outcome.message, HasSubstr("The cable was cut."));
    }
}

TEST_F(SmtpEmail, WrongPasswordsAreForAPersonToMend) {
  world.replies["AUTH"] = "535 5.7.8 Bad credentials";
  const Outcome outcome = send();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_EQ(outcome.message,
            "mx.example.com:587 did not accept user \"dispatch\": 535 5.7.8 Bad credentials");
}

TEST_F(SmtpEmail, WhatIsNoSmtpServerIsNamed) {
  world.greeting = "HTTP/1.1 400 Bad Request\r\n";
  EXPECT_THAT(send().message, HasSubstr("does not speak SMTP; it said \"HTTP/1.1 400 Bad Request\""));
  world.greeting = "554 No thanks\r\n";
  EXPECT_EQ(send().status, DISPATCH_ERR_INVALID);
  world.greeting.assign(100'000, 'x');
  EXPECT_EQ(send().status, DISPATCH_ERR_UNAVAILABLE);
}

TEST_F(SmtpEmail, ReportsEachStepOfATest) {
  const Outcome outcome = test();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["ok"], true);
  ASSERT_EQ(outcome.value["checks"].size(), 3U);
  EXPECT_EQ(outcome.value["checks"][0],
            (Json{{"name", "Connection"}, {"ok", true}, {"detail", "220 mx.example.com ESMTP"}}));
  EXPECT_TRUE(world.mails.empty());
}

TEST_F(SmtpEmail, SendsATestMailWhereAskedTo) {
  const Outcome outcome = test({{"recipient", "me@example.com"}});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.value["ok"], true);
  EXPECT_EQ(world.mails.size(), 1U);
  EXPECT_THAT(outcome.value["checks"][3]["detail"].get<std::string>(),
              HasSubstr("250 2.0.0 Ok: queued as 4F1A2"));
}

TEST_F(SmtpEmail, ATestThatFailsSaysWhereAndWhy) {
  world.replies["AUTH"] = "535 5.7.8 Bad credentials";
  const Outcome outcome = test({{"recipient", "me@example.com"}});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.value["ok"], false);
  EXPECT_EQ(outcome.value["checks"].back()["name"], "Login");
  EXPECT_THAT(outcome.value["summary"].get<std::string>(), HasSubstr("535 5.7.8"));
  host.onConnect = nullptr;
  EXPECT_THAT(test().value["summary"].get<std::string>(),
              HasSubstr("Connection to mx.example.com:587 refused."));
}

TEST_F(SmtpEmail, RefusesSettingsThatCannotWork) {
  const auto refusal = [&](const Json& change) {
    Json changed = settings;
    changed.merge_patch(change);
    const Outcome outcome = host.tryLoad(dispatch_plugin_query_v1(), changed);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID) << change;
    return outcome.message;
  };
  EXPECT_THAT(refusal({{"from_address", "nobody"}}),
              HasSubstr("\"from_address\" is no e-mail address: it has no \"@\""));
  EXPECT_THAT(refusal({{"password", nullptr}}), HasSubstr("\"password\" is empty"));
  EXPECT_THAT(refusal({{"username", nullptr}}), HasSubstr("\"username\" is empty"));
  EXPECT_THAT(refusal({{"username", nullptr}, {"password", nullptr}, {"auth", "plain"}}),
              HasSubstr("asks for a login"));
  EXPECT_THAT(refusal({{"security", "ssl"}}), HasSubstr("one of starttls, tls, plain"));
  EXPECT_THAT(refusal({{"port", 70000}}), HasSubstr("between 1 and 65535"));
  EXPECT_THAT(refusal({{"reply_to", "a b@c"}}), HasSubstr("\"reply_to\""));
  EXPECT_THAT(refusal({{"password", "clear text"}}), HasSubstr("x-dispatch-secret"));
}

}  // namespace
