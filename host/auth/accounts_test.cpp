#include "auth/auth.hpp"
#include "base/base.hpp"
#include "store/testing/test_database.hpp"

#include <gtest/gtest.h>

namespace dispatch::auth {

namespace {

constexpr const char* good = "umbrella kettle orbit";
constexpr const char* better = "seven quiet lanterns";

struct AccountsTest : store::testing::DatabaseTest {
  Passwords passwords{2, 32};
  std::unique_ptr<Accounts> accounts;
  std::unique_ptr<Sessions> sessions;
  std::int64_t organization = 0;

  void SetUp() override {
    DatabaseTest::SetUp();
    accounts = std::make_unique<Accounts>(db(), passwords);
    sessions = std::make_unique<Sessions>(db(), std::chrono::hours(1), std::chrono::hours(12));
    organization = db().session()->one("SELECT id FROM organization WHERE slug = 'default'")->integer("id");
  }
  void TearDown() override {
    sessions.reset();
    accounts.reset();
    DatabaseTest::TearDown();
  }

  Problem::Kind kindOf(const std::function<void()>& work, std::string* message = nullptr) {
    try {
      work();
    } catch (const Problem& problem) {
      if (message) *message = problem.what();
      return problem.kind();
    }
    ADD_FAILURE() << "nothing was refused";
    return Problem::Kind::internal;
  }

  std::string otherOrganization() {
    db().session()->insert(
        "organization",
        {{"name", "Other"}, {"slug", "other"}, {"created_at", nowText()}, {"updated_at", nowText()}});
    return "other";
  }

  BearerTokens tokens(const std::string& algorithm = "HS256", int lifetime = 3600) {
    return BearerTokens(db(), config::SecretText("0123456789abcdef0123456789abcdef"), algorithm,
                        std::chrono::seconds(lifetime));
  }
};
DISPATCH_TEST_ON_BOTH_DATABASES(AccountsTest);

TEST_P(AccountsTest, ARegisteredPersonIsMemberOfTheOrganizationAndItsDefaultProject) {
  const auto id = accounts->create("Ada@example.com", good, organization);
  const auto account = accounts->find("ada@EXAMPLE.com");
  ASSERT_TRUE(account);
  EXPECT_EQ(account->email, "Ada@example.com");
  EXPECT_EQ(account->roles, (std::vector<std::pair<std::string, std::string>>{{"default", "Member"}}));
  EXPECT_TRUE(db().session()->one("SELECT project_id FROM user_project WHERE user_id = ? AND is_default = ?",
                                  {id, true}));
  EXPECT_TRUE(
      db().session()->one("SELECT id FROM audit WHERE action = 'user.create' AND actor = 'Ada@example.com'"));
}

TEST_P(AccountsTest, OneAddressHasOneAccountWhateverItsCase) {
  accounts->create("ada@example.com", good, organization);
  EXPECT_EQ(kindOf([&] { accounts->create("ADA@example.com", good, organization); }),
            Problem::Kind::conflict);
}

TEST_P(AccountsTest, WhatIsNoAddressIsRefused) {
  for (const char* email : {"", "ada", "@x", "a@", "a b@x.de", "a@x@y", "a@x\n.de", "<a@x.de>"})
    EXPECT_EQ(kindOf([&] { accounts->create(email, good, organization); }), Problem::Kind::invalid) << email;
}

TEST_P(AccountsTest, VerifyingNeverSucceedsForDeactivatedUnknownOrPasswordless) {
  accounts->create("ada@example.com", good, organization);
  accounts->createExternal("idp@example.com", organization);
  EXPECT_EQ(accounts->verify("ada@example.com", good), Passwords::Verdict::right);
  EXPECT_EQ(accounts->verify("ada@example.com", better), Passwords::Verdict::wrong);
  EXPECT_EQ(accounts->verify("nobody@example.com", good), Passwords::Verdict::wrong);
  EXPECT_EQ(accounts->verify("idp@example.com", ""), Passwords::Verdict::wrong);
  accounts->setActive("ada@example.com", false);
  EXPECT_EQ(accounts->verify("ada@example.com", good), Passwords::Verdict::wrong);
}

TEST_P(AccountsTest, AnImportedBcryptHashIsReplacedAtTheFirstLogin) {
  const auto id = accounts->create("ada@example.com", good, organization);
  db().session()->execute("UPDATE dispatch_user SET password_hash = ? WHERE id = ?",
                          {std::string("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), id});
  EXPECT_EQ(accounts->verify("ada@example.com", "U*U"), Passwords::Verdict::right);
  const auto hash = db().session()
                        ->one("SELECT password_hash FROM dispatch_user WHERE id = ?", {id})
                        ->text("password_hash");
  EXPECT_TRUE(hash.starts_with("$argon2id$")) << hash;
  EXPECT_EQ(accounts->verify("ada@example.com", "U*U"), Passwords::Verdict::right);
}

TEST_P(AccountsTest, ARoleActsAtOnceOnOpenSessionsAndTokens) {
  const auto id = accounts->create("ada@example.com", good, organization);
  const auto started = sessions->start(id, "browser", "127.0.0.1");
  auto bearer = tokens();
  const auto token = bearer.issue(id, "ada@example.com");
  std::string reason;
  EXPECT_EQ(sessions->find(started.token, "default")->role, Role::member);
  EXPECT_EQ(bearer.verify(token, "default", reason)->role, Role::member);
  accounts->setRole("ada@example.com", "default", Role::admin);
  EXPECT_EQ(sessions->find(started.token, "default")->role, Role::admin);
  EXPECT_EQ(bearer.verify(token, "default", reason)->role, Role::admin);
}

TEST_P(AccountsTest, DeactivatingEndsSessionsAndTokensAtOnce) {
  const auto id = accounts->create("ada@example.com", good, organization);
  const auto started = sessions->start(id, "", "");
  auto bearer = tokens();
  const auto token = bearer.issue(id, "ada@example.com");
  std::string reason;
  ASSERT_TRUE(sessions->find(started.token, "default"));
  ASSERT_TRUE(bearer.verify(token, "default", reason)) << reason;
  accounts->setActive("ada@example.com", false);
  EXPECT_FALSE(sessions->find(started.token, "default"));
  EXPECT_FALSE(bearer.verify(token, "default", reason));
  accounts->setActive("ada@example.com", true);
  EXPECT_FALSE(sessions->find(started.token, "default"));
  EXPECT_FALSE(bearer.verify(token, "default", reason)) << "a token from before works again";
  EXPECT_TRUE(bearer.verify(bearer.issue(id, "ada@example.com"), "default", reason)) << reason;
}

TEST_P(AccountsTest, ANewPasswordEndsAllSessionsButTheOneThatChangedIt) {
  const auto id = accounts->create("ada@example.com", good, organization);
  const auto here = sessions->start(id, "", ""), there = sessions->start(id, "", "");
  {
    const Accounts::Sparing sparing(*accounts, "ADA@example.com",
                                    sessions->find(here.token, "default")->sessionId);
    ASSERT_TRUE(sessions->find(there.token, "default"));
    accounts->setPassword("ada@example.com", better);
  }
  EXPECT_TRUE(sessions->find(here.token, "default"));
  EXPECT_FALSE(sessions->find(there.token, "default"));
  accounts->setPassword("ada@example.com", good);
  EXPECT_FALSE(sessions->find(here.token, "default"));
}

TEST_P(AccountsTest, TheLastWhoAdministersDoesNotBecomeAMember) {
  accounts->create("solo@example.com", good, organization, Role::admin);
  std::string message;
  EXPECT_EQ(kindOf([&] { accounts->setRole("solo@example.com", "default", Role::member); }, &message),
            Problem::Kind::conflict);
  EXPECT_NE(message.find("Make somebody else an Admin first"), std::string::npos) << message;
  accounts->create("other@example.com", good, organization, Role::manager);
  accounts->setRole("solo@example.com", "default", Role::member);
}

TEST_P(AccountsTest, TheLastOwnerStaysOwnerAndActive) {
  accounts->create("ada@example.com", good, organization, Role::owner);
  std::string message;
  EXPECT_EQ(kindOf([&] { accounts->setRole("ada@example.com", "default", Role::member); }, &message),
            Problem::Kind::conflict);
  EXPECT_NE(message.find("last Owner"), std::string::npos);
  EXPECT_EQ(kindOf([&] { accounts->setActive("ada@example.com", false); }), Problem::Kind::conflict);
  accounts->create("bob@example.com", good, organization, Role::owner);
  accounts->setRole("ada@example.com", "default", Role::member);
  EXPECT_EQ(accounts->find("ada@example.com")->roles.front().second, "Member");
}

TEST_P(AccountsTest, GivingARoleToAStrangerSaysHowTheyRegister) {
  std::string message;
  EXPECT_EQ(kindOf([&] { accounts->setRole("new@example.com", "default", Role::admin); }, &message),
            Problem::Kind::notFound);
  EXPECT_NE(message.find("dispatch user register new@example.com"), std::string::npos) << message;
  EXPECT_EQ(kindOf([&] { accounts->setRole("new@example.com", "nowhere", Role::admin); }, &message),
            Problem::Kind::notFound);
  EXPECT_NE(message.find("there is default"), std::string::npos) << message;
}

TEST_P(AccountsTest, AnOrganizationLacksAnAdminUntilSomebodyActiveIsOne) {
  EXPECT_TRUE(accounts->lacksAdmin(organization));
  accounts->create("ada@example.com", good, organization);
  EXPECT_TRUE(accounts->lacksAdmin(organization));
  accounts->setRole("ada@example.com", "default", Role::admin);
  EXPECT_FALSE(accounts->lacksAdmin(organization));
  accounts->setActive("ada@example.com", false);
  EXPECT_TRUE(accounts->lacksAdmin(organization));
}

TEST_P(AccountsTest, ASessionIsStoredAsAHashAndEndsWhenItIsEnded) {
  const auto id = accounts->create("ada@example.com", good, organization);
  const auto started = sessions->start(id, "agent", "10.0.0.1");
  EXPECT_GE(started.token.size(), 43u);
  const auto row = db().session()->one("SELECT token_hash, csrf_token FROM session");
  EXPECT_EQ(row->text("token_hash"), digestHex(started.token));
  const auto who = sessions->find(started.token, "default");
  ASSERT_TRUE(who);
  EXPECT_EQ(who->csrfToken, started.csrfToken);
  EXPECT_EQ(who->organizationId, organization);
  EXPECT_FALSE(sessions->find(started.token + "x", "default"));
  sessions->end(started.token);
  EXPECT_FALSE(sessions->find(started.token, "default"));
}

TEST_P(AccountsTest, ASessionEndsIdleAndAbsolutely) {
  const auto id = accounts->create("ada@example.com", good, organization);
  Sessions idle(db(), std::chrono::seconds(1), std::chrono::hours(1)),
      absolute(db(), std::chrono::hours(1), std::chrono::seconds(1));
  const auto first = idle.start(id, "", ""), second = absolute.start(id, "", "");
  EXPECT_TRUE(idle.find(first.token, "default"));
  EXPECT_TRUE(absolute.find(second.token, "default"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_FALSE(idle.find(first.token, "default"));
  EXPECT_FALSE(absolute.find(second.token, "default"));
}

TEST_P(AccountsTest, AMemberOfOneOrganizationIsNobodyInAnother) {
  const auto id = accounts->create("ada@example.com", good, organization);
  const auto other = otherOrganization();
  const auto started = sessions->start(id, "", "");
  auto bearer = tokens();
  const auto token = bearer.issue(id, "ada@example.com");
  std::string reason;
  EXPECT_EQ(kindOf([&] { sessions->find(started.token, other); }), Problem::Kind::forbidden);
  EXPECT_EQ(kindOf([&] { bearer.verify(token, other, reason); }), Problem::Kind::forbidden);
  EXPECT_EQ(kindOf([&] { sessions->find(started.token, "nowhere"); }), Problem::Kind::notFound);
  EXPECT_TRUE(sessions->find(started.token, "default"));
}

TEST_P(AccountsTest, ATokenIsRefusedForWhateverIsWrongWithIt) {
  const auto id = accounts->create("ada@example.com", good, organization);
  auto bearer = tokens();
  const auto token = bearer.issue(id, "ada@example.com");
  std::string reason;
  ASSERT_TRUE(bearer.verify(token, "default", reason)) << reason;
  const auto first = token.find('.'), second = token.find('.', first + 1);
  const std::string head = token.substr(0, first), claims = token.substr(first + 1, second - first - 1),
                    signature = token.substr(second + 1);
  const auto refused = [&](const std::string& changed, const char* why) {
    EXPECT_FALSE(bearer.verify(changed, "default", reason)) << why;
    EXPECT_EQ(reason, why);
  };
  refused("", "not three parts");
  refused(head + "." + claims, "not three parts");
  refused(token + ".x", "not three parts");
  refused(toBase64Url(R"({"alg":"none"})") + "." + claims + ".", "another algorithm");
  refused(toBase64Url(R"({"alg":"hs256"})") + "." + claims + "." + signature, "another algorithm");
  refused(toBase64Url(R"({"alg":"HS512"})") + "." + claims + "." + signature, "another algorithm");
  refused(toBase64Url(R"({"alg":"HS256","crit":["x"]})") + "." + claims + "." + signature,
          "critical header extension");
  refused(toBase64Url(R"({"alg":"none","alg":"HS256"})") + "." + claims + "." + signature,
          "header is not a JSON object");
  refused(head + "." + toBase64Url(R"({"email":"ada@example.com","exp":99999999999})") + "." + signature,
          "signature does not match");
  refused(head + "." + claims + ".", "signature does not match");
  refused(head + "." + claims + "." + signature + "=", "signature does not match");
  refused(head + "=." + claims + "." + signature, "header is not a JSON object");
  refused(std::string(5000, 'a'), "longer than 4096 bytes");
  auto stranger = BearerTokens(db(), config::SecretText("another secret of 32 characters!"), "HS256",
                               std::chrono::hours(1));
  refused(stranger.issue(id, "ada@example.com"), "signature does not match");
  refused(bearer.issue(id, "nobody@example.com"), "unknown user");
  refused(bearer.issue(id + 1, "ada@example.com"), "the address belongs to another user now");
  auto brief = tokens("HS256", 1);
  const auto expiring = brief.issue(id, "ada@example.com");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  refused(expiring, "expired");
}

TEST_P(AccountsTest, ATokenOfEachAlgorithmVerifiesUnderItsOwnOnly) {
  const auto id = accounts->create("ada@example.com", good, organization);
  for (const char* mine : {"HS256", "HS384", "HS512"})
    for (const char* theirs : {"HS256", "HS384", "HS512"}) {
      auto issuing = tokens(mine), reading = tokens(theirs);
      std::string reason;
      EXPECT_EQ(reading.verify(issuing.issue(id, "ada@example.com"), "default", reason).has_value(),
                std::string(mine) == theirs);
    }
}

TEST_P(AccountsTest, AShortSecretAndAnUnknownAlgorithmAreRefused) {
  EXPECT_EQ(kindOf([&] { BearerTokens(db(), config::SecretText("short"), "HS256", std::chrono::hours(1)); }),
            Problem::Kind::invalid);
  EXPECT_EQ(kindOf([&] { tokens("RS256"); }), Problem::Kind::invalid);
  EXPECT_EQ(kindOf([&] { tokens("none"); }), Problem::Kind::invalid);
}

}  // namespace

}  // namespace dispatch::auth
