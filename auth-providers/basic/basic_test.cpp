#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dispatch::AuthAction;
using dispatch::testing::FakeHost;
using dispatch::testing::Json;
using testing::HasSubstr;

constexpr const char* good = "correct rhubarb vacuum";
constexpr const char* other = "tundra quilt saxophone";

class Basic : public testing::Test {
 protected:
  Basic() { host.accounts["ada@example.com"] = good; }
  auto load() { return host.load(dispatch_plugin_query_v1(), settings); }
  auto authenticate(AuthAction action, const Json& fields, const std::string& subject = {}) {
    return load().authenticate(action, fields, subject);
  }
  /// A denial is an answer, not a failure; anything else here would let somebody in or hide an error.
  Json denied(AuthAction action, const Json& fields, const std::string& subject = {}) {
    const auto outcome = authenticate(action, fields, subject);
    EXPECT_TRUE(outcome.ok()) << outcome.message;
    EXPECT_EQ(outcome.value["kind"], DISPATCH_AUTH_DENY);
    EXPECT_NE(outcome.value["message"], "");
    EXPECT_NE(outcome.value["reason"], "");
    return outcome.value;
  }

  FakeHost host;
  Json settings = Json::object();
};

TEST_F(Basic, LogsInWithTheRightPassword) {
  const auto outcome = authenticate(AuthAction::login, {{"email", " Ada@Example.com "}, {"password", good}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["kind"], DISPATCH_AUTH_IDENTITY);
  EXPECT_EQ(outcome.value["issuer"], "dispatch-auth-provider-basic");
  EXPECT_EQ(outcome.value["subject"], "ada@example.com");
  EXPECT_EQ(outcome.value["email"], "Ada@Example.com");
  EXPECT_EQ(outcome.value["email_verified"], 0);
}

TEST_F(Basic, AWrongPasswordAndAnUnknownAccountLookTheSame) {
  const Json wrong = denied(AuthAction::login, {{"email", "ada@example.com"}, {"password", other}});
  const Json unknown = denied(AuthAction::login, {{"email", "nobody@example.com"}, {"password", other}});
  EXPECT_EQ(wrong, unknown);
  EXPECT_EQ(wrong,
            denied(AuthAction::login, {{"email", "ada@example.com"}, {"password", std::string(5000, 'x')}}));
  EXPECT_EQ(wrong, denied(AuthAction::login, {{"email", "not an address"}, {"password", other}}));
}

TEST_F(Basic, EmptyFieldsAreNamed) {
  EXPECT_EQ(denied(AuthAction::login, {{"password", good}})["field"], "email");
  EXPECT_EQ(denied(AuthAction::login, {{"email", "ada@example.com"}})["field"], "password");
  EXPECT_EQ(denied(AuthAction::login, {{"email", 5}, {"password", good}})["field"], "email");
}

TEST_F(Basic, RegistersAndAdmits) {
  const auto outcome = authenticate(AuthAction::registration,
                                    {{"email", "grace@example.com"}, {"password", good}, {"role", "Owner"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["kind"], DISPATCH_AUTH_IDENTITY);
  EXPECT_EQ(host.accounts["grace@example.com"], good);
}

TEST_F(Basic, DoesNotRegisterWhatIsTakenOrNoAddress) {
  EXPECT_EQ(denied(AuthAction::registration, {{"email", "ADA@example.com"}, {"password", other}})["field"],
            "email");
  EXPECT_EQ(host.accounts["ada@example.com"], good);
  for (const char* bad : {"", "ada", "ada@", "@example.com", "a b@example.com", "ada@exa mple.com",
                          "ada@-x.com", "ada@x..com", "a\n@b.c"})
    EXPECT_EQ(denied(AuthAction::registration, {{"email", bad}, {"password", good}})["field"], "email")
        << bad;
  EXPECT_EQ(host.accounts.size(), 1U);
}

TEST_F(Basic, HoldsANewPasswordToTheRules) {
  const auto fault = [&](const char* password) {
    const Json answer =
        denied(AuthAction::registration, {{"email", "grace@example.com"}, {"password", password}});
    EXPECT_EQ(answer["field"], "password");
    return answer["message"].get<std::string>();
  };
  EXPECT_THAT(fault("short"), HasSubstr("at least 15"));
  EXPECT_THAT(fault("passwordpassword"), HasSubstr("guess"));
  EXPECT_THAT(fault("grace@example.com"), HasSubstr("mostly"));
  settings["minimum_length"] = 8;
  EXPECT_THAT(fault("short"), HasSubstr("at least 8"));
  host.passwordPolicy = [](const std::string&) { return "The host says no."; };
  EXPECT_EQ(fault(good), "The host says no.");
  EXPECT_EQ(host.accounts.size(), 1U);
}

TEST_F(Basic, RegistrationCanBeClosedOrKeptToDomains) {
  settings["allowed_domains"] = {"@Acme.example"};
  EXPECT_EQ(denied(AuthAction::registration, {{"email", "grace@example.com"}, {"password", good}})["field"],
            "email");
  EXPECT_EQ(
      denied(AuthAction::registration, {{"email", "grace@sub.acme.example"}, {"password", good}})["field"],
      "email");
  EXPECT_EQ(authenticate(AuthAction::registration, {{"email", "grace@ACME.example"}, {"password", good}})
                .value["kind"],
            DISPATCH_AUTH_IDENTITY);
  settings["registration_enabled"] = false;
  (void)denied(AuthAction::registration, {{"email", "joan@acme.example"}, {"password", good}});
  EXPECT_EQ(load().describe().value["actions"], (Json{"login", "change_password"}));
  EXPECT_FALSE(host.accounts.contains("joan@acme.example"));
}

TEST_F(Basic, ChangesOnesOwnPassword) {
  const auto change = [&](const char* current, const char* wanted) {
    return authenticate(AuthAction::changePassword, {{"current_password", current}, {"new_password", wanted}},
                        "ada@example.com")
        .value;
  };
  EXPECT_EQ(change(other, other)["field"], "current_password");
  EXPECT_EQ(change(good, "short")["field"], "new_password");
  EXPECT_EQ(change(good, good)["field"], "new_password");
  EXPECT_EQ(host.accounts["ada@example.com"], good);
  EXPECT_EQ(change(good, other)["kind"], DISPATCH_AUTH_IDENTITY);
  EXPECT_EQ(host.accounts["ada@example.com"], other);
  (void)denied(AuthAction::changePassword, {{"current_password", good}, {"new_password", other}});
}

TEST_F(Basic, NeverAdmitsWhenTheStoreFails) {
  for (const auto status : {DISPATCH_ERR_UNAVAILABLE, DISPATCH_ERR_INTERNAL, DISPATCH_ERR_TIMEOUT,
                            dispatch_status(-77), dispatch_status(77)})
    for (const auto action : {AuthAction::login, AuthAction::registration}) {
      host.fail("dispatch.credential/1", status, "The database is away.");
      const auto outcome = authenticate(action, {{"email", "x@example.com"}, {"password", good}});
      EXPECT_FALSE(outcome.ok());
      EXPECT_EQ(outcome.value["kind"], DISPATCH_AUTH_DENY);
    }
  host.credentialBusy = true;
  const auto busy = authenticate(AuthAction::login, {{"email", "ada@example.com"}, {"password", good}});
  EXPECT_EQ(busy.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(busy.retryAfterMs, 2000U);
  host.withhold("dispatch.credential/1");
  EXPECT_EQ(authenticate(AuthAction::login, {{"email", "ada@example.com"}, {"password", good}}).status,
            DISPATCH_ERR_UNSUPPORTED);
}

TEST_F(Basic, DeniesActionsItDoesNotHave) {
  for (const auto action : {AuthAction::callback, AuthAction::token, AuthAction::logout, AuthAction(99)})
    (void)denied(action, {{"email", "ada@example.com"}, {"password", good}});
}

TEST_F(Basic, DescribesItsForms) {
  const Json page = load().describe().value;
  EXPECT_EQ(page["actions"], (Json{"login", "register", "change_password"}));
  for (const char* action : {"login", "register", "change_password"}) {
    const Json& form = page["forms"][action];
    EXPECT_EQ(form["type"], "object");
    EXPECT_EQ(form["required"].size(), 2U);
    for (const auto& [name, field] : form["properties"].items()) EXPECT_TRUE(field.contains("title")) << name;
  }
  EXPECT_EQ(page["forms"]["register"]["properties"]["password"]["minLength"], 15);
  EXPECT_THAT(page["forms"]["register"]["properties"]["password"]["description"].get<std::string>(),
              HasSubstr("At least 15"));
  EXPECT_EQ(page["forms"]["login"]["properties"]["password"]["minLength"], 1);
}

}  // namespace
