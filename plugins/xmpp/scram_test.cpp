#include "scram.hpp"

#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace {

using dispatch::Failure;
using testing::HasSubstr;

/// The exchange of RFC 7677 section 3.
constexpr const char* challenge =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

class ScramLogin : public testing::Test {
 protected:
  ScramLogin() { host.secret("pencil"); }
  xmpp::Scram login(const std::string& user = "user") {
    return {call,
            dispatch::Crypto(dispatch::Host(host.raw())),
            cache,
            dispatch::Secret(1),
            "sha256",
            user,
            "rOprNGfwEbeRWgbNEkqO"};
  }
  std::string refusal(const std::string& message) {
    try {
      (void)login().proof(message);
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), DISPATCH_ERR_DENIED);
      return failure.message();
    }
    return "no refusal";
  }

  dispatch::testing::FakeHost host;
  dispatch::testing::FakeCall fake;
  dispatch::Call call{std::make_shared<dispatch::sdk::CallState>(fake.raw())};
  xmpp::ScramCache cache;
};

TEST_F(ScramLogin, ProvesThePasswordAsRfc7677Does) {
  xmpp::Scram scram = login();
  EXPECT_EQ(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(scram.proof(challenge),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_TRUE(scram.verifies("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
}

TEST_F(ScramLogin, KnowsAServerThatDoesNotKnowThePassword) {
  xmpp::Scram scram = login();
  EXPECT_FALSE(scram.verifies("v="));  // before there is a proof
  (void)scram.proof(challenge);
  EXPECT_FALSE(scram.verifies("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
  EXPECT_FALSE(scram.verifies("e=other-error"));
  EXPECT_FALSE(scram.verifies(""));
}

TEST_F(ScramLogin, WritesNamesWithCommaAndEqualsSign) {
  EXPECT_EQ(login("a,b=c").first(), "n,,n=a=2Cb=3Dc,r=rOprNGfwEbeRWgbNEkqO");
}

TEST_F(ScramLogin, ComputesTheKeysOnce) {
  (void)login().proof(challenge);
  host.fail("dispatch.crypto/1 mac", DISPATCH_ERR_UNAVAILABLE, "No more MACs.");
  EXPECT_THAT(login().proof(challenge), HasSubstr("p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
}

TEST_F(ScramLogin, RefusesChallengesThatAreWrongOrWeak) {
  EXPECT_THAT(refusal("r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
              HasSubstr("does not continue our nonce"));
  EXPECT_THAT(refusal("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
              HasSubstr("does not continue our nonce"));
  EXPECT_THAT(refusal("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095"),
              HasSubstr("4095 iterations"));
  EXPECT_THAT(refusal("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=100001"),
              HasSubstr("\"auth\" to plain"));
  EXPECT_THAT(refusal("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096x"), HasSubstr("iterations"));
  EXPECT_THAT(refusal("r=rOprNGfwEbeRWgbNEkqOx,s=%%,i=4096"), HasSubstr("no salt"));
  EXPECT_THAT(refusal("m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"), HasSubstr("(m=)"));
  EXPECT_THAT(refusal(""), HasSubstr("lacks nonce"));
}

}  // namespace
