#include "kit/contained.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <stdexcept>

namespace dispatch::kit {
namespace {

using namespace std::chrono_literals;

TEST(Contained, AnswersWhatItsWorkAnswers) {
  const auto done = runContained([]() -> Json { return {{"large", std::string(1u << 20, 'x')}}; }, 10s);
  ASSERT_TRUE(done.answered) << done.end;
  EXPECT_EQ(done.answer.at("large").get<std::string>().size(), 1u << 20);
}

TEST(Contained, TellsACrashByItsSignal) {
  const auto done = runContained(
      []() -> Json {
        std::cerr << "last words\n";
        ::raise(SIGABRT);
        return nullptr;
      },
      10s);
  EXPECT_FALSE(done.answered);
  EXPECT_NE(done.end.find("signal 6"), std::string::npos) << done.end;
  EXPECT_NE(done.output.find("last words"), std::string::npos);
}

TEST(Contained, TellsAnExitAndAnException) {
  EXPECT_NE(runContained([]() -> Json { ::_exit(3); }, 10s).end.find("exit code 3"), std::string::npos);
  EXPECT_EQ(runContained([]() -> Json { throw std::runtime_error("no"); }, 10s).end, "failed: no");
}

TEST(Contained, EndsWhatHangs) {
  const auto done = runContained(
      []() -> Json {
        for (;;) ::pause();
      },
      200ms);
  EXPECT_NE(done.end.find("did not end within 200 ms"), std::string::npos) << done.end;
  EXPECT_LT(done.milliseconds, 5000);
}

TEST(Contained, HasNoNetworkUnlessItIsAskedFor) {
  const auto sockets = []() -> Json {
    Json all = Json::array();
    for (const int family : {AF_INET, AF_INET6, AF_UNIX})
      all.push_back(::socket(family, SOCK_STREAM, 0) >= 0 ? 0 : errno);
    return all;
  };
  EXPECT_EQ(runContained(sockets, 10s).answer, (Json{ENETUNREACH, ENETUNREACH, 0}));
  EXPECT_EQ(runContained(sockets, 10s, Network::host).answer.at(0), 0);
}

}  // namespace
}  // namespace dispatch::kit
