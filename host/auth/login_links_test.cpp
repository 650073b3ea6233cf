#include "auth/login_links.hpp"

#include "auth/auth.hpp"
#include "base/base.hpp"
#include "store/testing/test_database.hpp"

#include <gtest/gtest.h>

namespace dispatch::auth {

namespace {

struct LoginLinksTest : store::testing::DatabaseTest {
  Passwords passwords{2, 32};
  std::unique_ptr<Accounts> accounts;
  std::unique_ptr<LoginLinks> links;
  std::int64_t organization = 0, ada = 0;

  void SetUp() override {
    DatabaseTest::SetUp();
    accounts = std::make_unique<Accounts>(db(), passwords);
    links = std::make_unique<LoginLinks>(db());
    organization = db().session()->one("SELECT id FROM organization WHERE slug = 'default'")->integer("id");
    ada = accounts->create("Ada@example.com", "umbrella kettle orbit", organization);
  }

  std::string make(std::string_view email = "ada@example.com", std::string_view slug = "default",
                   int minutes = 10) {
    return links->make(email, slug, std::chrono::minutes(minutes), "root");
  }
  template <class Work>
  std::string refusal(Problem::Kind kind, const Work& work) {
    try {
      work();
    } catch (const Problem& problem) {
      EXPECT_EQ(problem.kind(), kind) << problem.what();
      return problem.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
  }
};
DISPATCH_TEST_ON_BOTH_DATABASES(LoginLinksTest);

TEST_P(LoginLinksTest, LetsItsPersonInOnceAndSaysSoInTheAudit) {
  const auto token = make();
  const auto admitted = links->redeem(token, organization, "127.0.0.1");
  EXPECT_EQ(admitted.userId, ada);
  EXPECT_EQ(admitted.email, "Ada@example.com");
  refusal(Problem::Kind::unauthorized, [&] { links->redeem(token, organization, "127.0.0.1"); });
  EXPECT_TRUE(
      db().session()->one("SELECT id FROM audit WHERE action = 'user.login_link' AND actor = 'root'"));
  EXPECT_TRUE(db().session()->one("SELECT id FROM audit WHERE action = 'login.link'"));
}

TEST_P(LoginLinksTest, TheTokenItselfIsNotInTheDatabase) {
  const auto token = make();
  EXPECT_FALSE(db().session()->one("SELECT id FROM login_link WHERE token_hash = ?", {token}));
}

TEST_P(LoginLinksTest, ANewerOneTakesTheOlderBack) {
  const auto first = make(), second = make();
  refusal(Problem::Kind::unauthorized, [&] { links->redeem(first, organization, ""); });
  EXPECT_EQ(links->redeem(second, organization, "").userId, ada);
}

TEST_P(LoginLinksTest, EndsWithItsTimeItsOrganizationAndItsAccount) {
  auto token = make();
  db().session()->execute("UPDATE login_link SET expires_at = ?",
                          {dispatch::toText(now() - std::chrono::seconds(1))});
  refusal(Problem::Kind::unauthorized, [&] { links->redeem(token, organization, ""); });
  token = make();
  refusal(Problem::Kind::unauthorized, [&] { links->redeem(token, organization + 1, ""); });
  accounts->setActive("ada@example.com", false, "root");
  refusal(Problem::Kind::unauthorized, [&] { links->redeem(token, organization, ""); });
}

TEST_P(LoginLinksTest, RefusesWhatCannotWorkAndSaysWhatDoes) {
  EXPECT_NE(refusal(Problem::Kind::notFound, [&] { make("ghost@example.com"); }).find("user register"),
            std::string::npos);
  EXPECT_NE(
      refusal(Problem::Kind::notFound, [&] { make("ada@example.com", "elsewhere"); }).find("user update"),
      std::string::npos);
  refusal(Problem::Kind::invalid, [&] { make("ada@example.com", "default", 0); });
  refusal(Problem::Kind::invalid, [&] { make("ada@example.com", "default", 100'000); });
  accounts->setActive("ada@example.com", false, "root");
  EXPECT_NE(refusal(Problem::Kind::invalid, [&] { make(); }).find("--activate"), std::string::npos);
}

}  // namespace

}  // namespace dispatch::auth
