#include "config/envelope.hpp"

#include "base/problem.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using dispatch::Problem;
using dispatch::config::Envelope;
using dispatch::config::SealedPlace;
using dispatch::config::SecretText;

namespace {

const SecretText first("a first key of more than 32 characters");
const SecretText second("another key of more than 32 characters");
const SealedPlace place{"plugin_instance", 7, "/password"};

std::string messageOf(const Envelope& envelope, const std::string& sealed, const SealedPlace& where) {
  try {
    envelope.open(sealed, where);
  } catch (const Problem& problem) {
    return problem.what();
  }
  return "";
}

TEST(Envelope, OpensWhatItSealed) {
  const Envelope envelope(first);
  for (const auto& plain :
       std::vector<std::string>{"", "x", "a pass\nword: with \"everything\"", std::string(70000, 'z')})
    EXPECT_EQ(envelope.open(envelope.seal(plain, place), place).reveal(), plain);
}

TEST(Envelope, SealsTheSameValueDifferentlyEachTime) {
  const Envelope envelope(first);
  const auto one = envelope.seal("hunter2hunter2", place), two = envelope.seal("hunter2hunter2", place);
  EXPECT_NE(one, two);
  EXPECT_EQ(one.find("hunter2"), std::string::npos);
  EXPECT_TRUE(Envelope::isSealed(one));
  EXPECT_TRUE(one.starts_with("enc:v1:" + envelope.keyId() + ":"));
}

TEST(Envelope, RefusesAnotherKeyNamingBothAndNoValue) {
  const Envelope mine(first), other(second);
  const auto message = messageOf(other, mine.seal("hunter2hunter2", place), place);
  EXPECT_NE(message.find(mine.keyId()), std::string::npos) << message;
  EXPECT_NE(message.find(other.keyId()), std::string::npos) << message;
  EXPECT_EQ(message.find("hunter2"), std::string::npos);
}

TEST(Envelope, RefusesAValueMovedToAnotherRowFieldOrTable) {
  const Envelope envelope(first);
  const auto sealed = envelope.seal("secret", place);
  EXPECT_NE(messageOf(envelope, sealed, {"plugin_instance", 8, "/password"}), "");
  EXPECT_NE(messageOf(envelope, sealed, {"plugin_instance", 7, "/token"}), "");
  EXPECT_NE(messageOf(envelope, sealed, {"plugin_kv", 7, "/password"}), "");
}

TEST(Envelope, RefusesEveryChangedOrMissingByte) {
  const Envelope envelope(first);
  const auto sealed = envelope.seal("secret", place);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(messageOf(envelope, changed, place), "") << i;
    EXPECT_NE(messageOf(envelope, sealed.substr(0, i), place), "") << i;
  }
}

TEST(Envelope, RefusesAShortKeyWithTheCommandThatMakesOne) {
  try {
    Envelope envelope(SecretText("short"));
    FAIL();
  } catch (const Problem& problem) {
    EXPECT_NE(std::string(problem.what()).find("dispatch secret generate"), std::string::npos);
    EXPECT_EQ(std::string(problem.what()).find("short"), std::string::npos);
  }
}

TEST(Envelope, NamesAKeyTheSameEachTimeAndDifferentlyPerKey) {
  EXPECT_EQ(Envelope(first).keyId(), Envelope(first).keyId());
  EXPECT_NE(Envelope(first).keyId(), Envelope(second).keyId());
}

}  // namespace
