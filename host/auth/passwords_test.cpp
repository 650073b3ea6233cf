#include "auth/accounts.hpp"
#include "base/problem.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace dispatch::auth {

namespace {

using Verdict = Passwords::Verdict;

std::string refusal(std::string_view password, std::string_view email = "grace@example.com") {
  try {
    Passwords::checkPolicy(password, email);
  } catch (const Problem& problem) {
    EXPECT_EQ(std::string(problem.what()).find(password), std::string::npos)
        << "the password is in its refusal";
    return problem.what();
  }
  return "";
}

TEST(Passwords, VerifyWhatTheyHashedAndNothingElse) {
  Passwords passwords;
  const auto encoded = passwords.hash("umbrella kettle orbit");
  EXPECT_TRUE(encoded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << encoded;
  EXPECT_EQ(passwords.verify(encoded, "umbrella kettle orbit"), Verdict::right);
  EXPECT_EQ(passwords.verify(encoded, "umbrella kettle orbiT"), Verdict::wrong);
  EXPECT_EQ(passwords.verify(encoded, ""), Verdict::wrong);
  EXPECT_NE(encoded, passwords.hash("umbrella kettle orbit"));
}

TEST(Passwords, AnAccountWithoutAHashIsNeverRight) {
  Passwords passwords;
  for (const char* encoded : {"", "*", "!", "$2", "$argon2", "nobody has this password, and it is long"}) {
    EXPECT_EQ(passwords.verify(encoded, ""), Verdict::wrong) << encoded;
    EXPECT_EQ(passwords.verify(encoded, "nobody has this password, and it is long"), Verdict::wrong)
        << encoded;
  }
}

/// Of this thread: whatever else the machine does meanwhile is not in it.
double processorSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

TEST(Passwords, TakeTheSameTimeForNobodyAsForAWrongPassword) {
  Passwords passwords;
  const auto encoded = passwords.hash("umbrella kettle orbit");
  const auto best = [&](std::string_view stored) {
    double least = 1e9;
    for (int i = 0; i < 5; ++i) {
      const double begin = processorSeconds();
      EXPECT_EQ(passwords.verify(stored, "some other long password"), Verdict::wrong);
      least = std::min(least, processorSeconds() - begin);
    }
    return least;
  };
  const double known = best(encoded), unknown = best("");
  EXPECT_GT(known, 0.001) << "the work is done in another thread: measure that";
  EXPECT_GT(unknown, known * 0.5);
  EXPECT_LT(unknown, known * 2.0);
}

TEST(Passwords, AcceptImportedBcryptAndAskForAnotherHash) {
  Passwords passwords;
  const std::string rfc =
      "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";  // OpenBSD's vector for "U*U"
  EXPECT_EQ(passwords.verify(rfc, "U*U"), Verdict::rightButOld);
  EXPECT_EQ(passwords.verify(rfc, "U*V"), Verdict::wrong);
  EXPECT_EQ(passwords.verify(rfc, std::string("U*U\0x", 5)), Verdict::wrong);
}

TEST(Passwords, RunFewAtATimeAndSendTheRestAway) {
  Passwords passwords(1, 1);
  const auto encoded = passwords.hash("umbrella kettle orbit");
  std::atomic<int> busy{0}, right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i)
    threads.emplace_back([&] {
      const auto verdict = passwords.verify(encoded, "umbrella kettle orbit");
      busy += verdict == Verdict::busy;
      right += verdict == Verdict::right;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(busy + right, 12);
  EXPECT_GE(right.load(), 1);
  EXPECT_GE(busy.load(), 1);
}

TEST(PasswordPolicy, CountsCharactersNotBytes) {
  EXPECT_NE(refusal("fourteen chars").find("at least 15 characters, this one has 14"), std::string::npos);
  EXPECT_EQ(refusal("umbrella kettle"), "");
  EXPECT_NE(refusal("äöüäöüßäöüßñé"), "");  // 13 characters, 26 bytes
}

TEST(PasswordPolicy, NamesNoCompositionRule) {
  EXPECT_EQ(refusal("onlylowercaseletterswithnothingelse"), "");
}

TEST(PasswordPolicy, RefusesWhatAttackersTryFirst) {
  for (const char* password : {"passwordpassword", "PasswordPassword", "aaaaaaaaaaaaaaaaaaaa",
                               "123456789012345", "abcabcabcabcabcabc", "correct horse battery staple",
                               "qwertyuiopasdfghjklzxcvbnm", "987654321098765432"})
    EXPECT_NE(refusal(password), "") << password;
}

TEST(PasswordPolicy, RefusesTheAddressAndTheProduct) {
  EXPECT_NE(refusal("my dispatch password"), "");
  EXPECT_NE(refusal("grace likes long walks"), "");
  EXPECT_EQ(refusal("grace likes long walks", "bob@example.com"), "");
  EXPECT_EQ(refusal("a bo in a long sentence", "bo@example.com"), "");
}

TEST(PasswordPolicy, TakesLongOnesUpToALimit) {
  std::string words;
  for (int i = 0; words.size() < 1000; ++i) words += "word" + std::to_string(i * 7919 % 1000) + " ";
  EXPECT_EQ(refusal(words.substr(0, 1000)), "");
  EXPECT_NE(refusal(words + words), "");
}

}  // namespace

}  // namespace dispatch::auth
