#include "auth/auth.hpp"

#include "base/base.hpp"
#include "store/testing/test_database.hpp"

#include "integrations/testing/fake_catalog.hpp"
#include "integrations/testing/idle_integrations.hpp"

#include <gtest/gtest.h>

namespace dispatch::auth {

namespace {

using integrations::testing::answered;

/// Only what a login asks of it.
class Providers final : public integrations::testing::IdleIntegrations {
 public:
  std::vector<integrations::Serving> providers;
  std::vector<integrations::Serving> authProviders() override { return providers; }
};

struct LoginTest : store::testing::DatabaseTest {
  Passwords passwords{2, 32};
  integrations::testing::FakeCatalog catalog;
  Providers providers;
  std::unique_ptr<Accounts> accounts;
  std::unique_ptr<Login> login;
  integrations::testing::FakePlugin* provider = nullptr;
  Json identity;
  std::int64_t organization = 0;

  void SetUp() override {
    DatabaseTest::SetUp();
    accounts = std::make_unique<Accounts>(db(), passwords);
    provider = &catalog.add("idp", "auth-provider");
    provider->authenticate = [this](const Json&) { return answered(identity); };
    providers.providers = {{catalog.create("idp", {"idp", 0, 0, 0}, {}), 0, 1, ""}};
    login = std::make_unique<Login>(db(), providers, *accounts);
    organization = db().session()->one("SELECT id FROM organization WHERE slug = 'default'")->integer("id");
    identity = {{"kind", "identity"},
                {"issuer", "https://idp"},
                {"subject", "ada-1"},
                {"email", "ada@example.com"},
                {"email_verified", true}};
  }
  void TearDown() override {
    providers.providers.clear();
    login.reset();
    accounts.reset();
    DatabaseTest::TearDown();
  }

  Attempt attempt(const std::string& action = "login", const std::string& email = "ada@example.com",
                  const std::string& address = "10.0.0.1") {
    Attempt attempt;
    attempt.action = action;
    attempt.organizationSlug = "default";
    attempt.fields = {{"email", email}, {"password", "umbrella kettle orbit"}};
    attempt.address = address;
    attempt.subject = action == "change_password" ? email : "";
    return attempt;
  }

  Problem refusalOf(const Attempt& tried) {
    try {
      login->attempt(tried);
    } catch (const Problem& problem) {
      return problem;
    }
    ADD_FAILURE() << "nothing was refused";
    return Problem(Problem::Kind::internal, "");
  }

  void ownAccounts() { provider->installed.manifest.permissions = {{"services", {"dispatch.credential/1"}}}; }
};
DISPATCH_TEST_ON_BOTH_DATABASES(LoginTest);

TEST_P(LoginTest, TheFirstLoginMakesAMemberOfThatOrganization) {
  const auto admitted = login->attempt(attempt());
  EXPECT_EQ(admitted.email, "ada@example.com");
  EXPECT_EQ(accounts->find("ada@example.com")->roles,
            (std::vector<std::pair<std::string, std::string>>{{"default", "Member"}}));
  EXPECT_EQ(login->attempt(attempt()).userId, admitted.userId);
  EXPECT_EQ(accounts->list().size(), 1u);
}

TEST_P(LoginTest, AnIdentityIsIssuerAndSubjectNotTheAddress) {
  const auto ada = login->attempt(attempt()).userId;
  identity["email"] = "ada.lovelace@example.com";  // married, say
  EXPECT_EQ(login->attempt(attempt()).userId, ada);
  identity["subject"] = "mallory-1";
  identity["email"] = "mallory@example.com";
  EXPECT_NE(login->attempt(attempt()).userId, ada);
}

TEST_P(LoginTest, AnUnverifiedAddressTakesOverNoAccount) {
  accounts->create("ada@example.com", "umbrella kettle orbit", organization, Role::owner);
  for (const Json& unverified : {Json(false), Json(0), Json(), Json("true"), Json("1")}) {
    identity["email_verified"] = unverified;
    EXPECT_EQ(refusalOf(attempt()).kind(), Problem::Kind::forbidden) << unverified;
  }
  EXPECT_FALSE(db().session()->one("SELECT id FROM user_identity"));
  identity["email_verified"] = true;
  EXPECT_EQ(login->attempt(attempt()).userId, accounts->find("ada@example.com")->id);
}

TEST_P(LoginTest, OnlyACompleteIdentityCounts) {
  for (const char* missing : {"issuer", "subject", "email"}) {
    Json less = identity;
    less.erase(missing);
    std::swap(less, identity);
    EXPECT_EQ(refusalOf(attempt()).kind(), Problem::Kind::unauthorized) << missing;
    std::swap(less, identity);
  }
  EXPECT_TRUE(accounts->list().empty());
}

TEST_P(LoginTest, AnythingButAnIdentityDeniesInTheOriginalsWords) {
  int number = 0;
  for (const Json& answer : {Json{{"kind", "deny"}}, Json{{"kind", "DENY"}}, Json{{"kind", "identity "}},
                             Json::object(), Json(), Json("identity")}) {
    identity = answer;
    const auto refusal = refusalOf(attempt("login", "x" + std::to_string(++number) + "@example.com"));
    EXPECT_EQ(refusal.kind(), Problem::Kind::invalid);
    EXPECT_STREQ(refusal.what(), "Invalid username.");
    ASSERT_EQ(refusal.others().size(), 1u);
    EXPECT_STREQ(refusal.others()[0].what(), "Invalid password.");
    EXPECT_EQ(refusal.others()[0].location(), std::vector<std::string>{"password"});
  }
}

TEST_P(LoginTest, ADenialIsTheSameWhetherOrNotTheAccountExists) {
  ownAccounts();
  accounts->create("ada@example.com", "umbrella kettle orbit", organization);
  provider->authenticate = [this](const Json& request) {
    return accounts->verify(request["fields"]["email"].get<std::string>(),
                            "a wrong password of some length") == Passwords::Verdict::right
               ? answered(identity)
               : answered({{"kind", "deny"}, {"message", "told to the log only"}});
  };
  const auto known = refusalOf(attempt("login", "ada@example.com")),
             unknown = refusalOf(attempt("login", "nobody@example.com"));
  EXPECT_STREQ(known.what(), unknown.what());
  EXPECT_EQ(known.kind(), unknown.kind());
  EXPECT_EQ(known.location(), unknown.location());
}

TEST_P(LoginTest, AProviderThatFailsDeniesAndIsNotCounted) {
  for (const auto status :
       {DISPATCH_ERR_UNAVAILABLE, DISPATCH_ERR_TIMEOUT, DISPATCH_ERR_INTERNAL, DISPATCH_ERR_CANCELLED}) {
    provider->authenticate = [&](const Json&) {
      plugin::JsonOutcome outcome;
      outcome.status = status;
      outcome.value = identity;  // a status that is not OK denies whatever stands beside it
      return outcome;
    };
    for (int i = 0; i < 10; ++i) EXPECT_EQ(refusalOf(attempt()).kind(), Problem::Kind::unavailable);
  }
  provider->authenticate = [&](const Json&) {
    plugin::JsonOutcome outcome;
    outcome.status = 12345;  // a status of the future
    outcome.value = identity;
    return outcome;
  };
  EXPECT_STREQ(refusalOf(attempt()).what(), "Invalid username.");
}

TEST_P(LoginTest, GuessingIsSlowedDownWithATimeToWait) {
  const Json right = identity;
  identity = {{"kind", "deny"}};
  Problem last(Problem::Kind::internal, "");
  for (int i = 0; i < 8; ++i) last = refusalOf(attempt());
  EXPECT_EQ(last.kind(), Problem::Kind::tooMany);
  EXPECT_GT(last.retryAfterMs(), 0u);
  identity = right;
  EXPECT_EQ(refusalOf(attempt()).kind(), Problem::Kind::tooMany)
      << "the right password must wait as well, or the wait tells which is right";
  EXPECT_NO_THROW(login->attempt(attempt("login", "ada@example.com", "10.0.0.2")));
}

TEST_P(LoginTest, ADeactivatedPersonIsDenied) {
  login->attempt(attempt());
  accounts->setActive("ada@example.com", false);
  EXPECT_STREQ(refusalOf(attempt()).what(), "Invalid username.");
}

TEST_P(LoginTest, AMemberOfAnotherOrganizationIsToldSoAndNotAdded) {
  login->attempt(attempt());
  db().session()->insert(
      "organization",
      {{"name", "Other"}, {"slug", "other"}, {"created_at", nowText()}, {"updated_at", nowText()}});
  auto elsewhere = attempt();
  elsewhere.organizationSlug = "other";
  EXPECT_EQ(refusalOf(elsewhere).kind(), Problem::Kind::forbidden);
  EXPECT_EQ(accounts->find("ada@example.com")->roles.size(), 1u);
}

TEST_P(LoginTest, ARoleInTheFormHasNoEffect) {
  auto form = attempt("register");
  form.fields["role"] = "Owner";
  form.fields["organizations"] = {{{"role", "Owner"}}};
  login->attempt(form);
  EXPECT_EQ(accounts->find("ada@example.com")->roles.front().second, "Member");
}

TEST_P(LoginTest, RegistrationCanBeClosed) {
  Login closed(db(), providers, *accounts, false);
  EXPECT_THROW(closed.attempt(attempt("register")), Problem);
  EXPECT_EQ(closed.describe()[0]["actions"], Json({"login", "change_password"}));
  EXPECT_FALSE(closed.describe()[0]["forms"].contains("register"));
}

TEST_P(LoginTest, ARefusedRegistrationNamesTheFieldAndItsReason) {
  identity = {{"kind", "deny"}, {"message", "A user with this email already exists."}, {"field", "email"}};
  const auto refusal = refusalOf(attempt("register"));
  EXPECT_EQ(refusal.kind(), Problem::Kind::invalid);
  EXPECT_STREQ(refusal.what(), "A user with this email already exists.");
  EXPECT_EQ(refusal.location(), std::vector<std::string>{"email"});
}

TEST_P(LoginTest, WithoutAProviderTheReasonIsInTheLogNotInTheAnswer) {
  providers.providers = {{nullptr, 0, 1, "The auth provider idp cannot start: secret reason"}};
  const auto refusal = refusalOf(attempt());
  EXPECT_EQ(refusal.kind(), Problem::Kind::unavailable);
  EXPECT_EQ(std::string(refusal.what()).find("secret reason"), std::string::npos);
}

TEST_P(LoginTest, LoginsAreAudited) {
  login->attempt(attempt());
  identity = {{"kind", "deny"}};
  refusalOf(attempt("login", "mallory@example.com"));
  std::vector<std::string> seen;
  for (const auto& row :
       db().session()->query("SELECT actor, action FROM audit WHERE subject = 'login' ORDER BY id"))
    seen.push_back(row.text("actor") + " " + row.text("action"));
  EXPECT_EQ(seen, (std::vector<std::string>{"ada@example.com auth.login",
                                            "mallory@example.com auth.login.denied"}));
}

}  // namespace

}  // namespace dispatch::auth
