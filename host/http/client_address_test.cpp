#include "http/testing.hpp"

#include "base/base.hpp"

namespace dispatch::http {
namespace {

using namespace testing;

/// What resolve() makes of `fields` when 127.0.0.1 asks: "address scheme host forwarded".
std::string resolved(const std::string& trusted, const std::string& fields) {
  const auto proxies = TrustedProxies::parse(trusted);
  TestServer server(testOptions(), [&](Request& request, Response& response) {
    const auto client = resolve(request, proxies);
    answer(response, client.address.toString() + " " + client.scheme + " " + client.host +
                         (client.forwarded ? " f" : ""));
  });
  Client client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: own:1\r\n" + fields + "\r\n");
  return client.read().body;
}

TEST(ClientAddress, BelievesNobodyUnlessTold) {
  EXPECT_EQ(
      resolved("", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"),
      "127.0.0.1 http own:1");
  EXPECT_EQ(resolved("10.0.0.0/8", "X-Forwarded-For: 1.2.3.4\r\n"), "127.0.0.1 http own:1");
}

TEST(ClientAddress, IsTheRightmostThatNoTrustedProxyHas) {
  EXPECT_EQ(resolved("127.0.0.1", "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n"), "1.2.3.4 http own:1 f");
  EXPECT_EQ(resolved("127.0.0.1, 10.0.0.0/8", "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.1.1\r\n"),
            "1.2.3.4 http own:1 f");
  EXPECT_EQ(resolved("127.0.0.0/8,10.0.0.0/8", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 10.1.1.1\r\n"),
            "1.2.3.4 http own:1 f");
  EXPECT_EQ(resolved("127.0.0.1,10.0.0.0/8", "X-Forwarded-For: 10.0.0.1\r\n"), "10.0.0.1 http own:1 f");
}

TEST(ClientAddress, ReadsPortsAndBracketsAndStopsAtNonsense) {
  EXPECT_EQ(resolved("127.0.0.1", "X-Forwarded-For: 1.2.3.4:99\r\n"), "1.2.3.4 http own:1 f");
  EXPECT_EQ(resolved("127.0.0.1", "X-Forwarded-For: [2001:db8::1]:99\r\n"), "2001:db8::1 http own:1 f");
  EXPECT_EQ(resolved("127.0.0.1", "X-Forwarded-For: ::ffff:1.2.3.4\r\n"), "1.2.3.4 http own:1 f");
  EXPECT_EQ(resolved("127.0.0.1", "X-Forwarded-For: 1.2.3.4, unknown\r\n"), "127.0.0.1 http own:1");
}

TEST(ClientAddress, TakesSchemeAndHostTheProxyWroteLast) {
  EXPECT_EQ(
      resolved("127.0.0.1", "X-Forwarded-Proto: http, HTTPS\r\nX-Forwarded-Host: a, b.example:8443\r\n"),
      "127.0.0.1 https b.example:8443 f");
  EXPECT_EQ(resolved("127.0.0.1", "X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: a/b\r\n"),
            "127.0.0.1 http own:1");
}

TEST(TrustedProxies, SayWhichPartIsWrong) {
  for (const char* bad : {"127.0.0.1, nonsense", "10.0.0.0/33", "10.0.0.0/", "::1/129", "10.0.0.0/8x"})
    EXPECT_THROW(TrustedProxies::parse(bad), Problem) << bad;
  const auto proxies = TrustedProxies::parse("192.168.4.0/22, 2001:db8::/33 ,");
  using Poco::Net::IPAddress;
  EXPECT_TRUE(proxies.contains(IPAddress("192.168.7.255")));
  EXPECT_TRUE(proxies.contains(IPAddress("::ffff:192.168.7.255")));
  EXPECT_FALSE(proxies.contains(IPAddress("192.168.8.0")));
  EXPECT_TRUE(proxies.contains(IPAddress("2001:db8:7fff::1")));
  EXPECT_FALSE(proxies.contains(IPAddress("2001:db8:8000::1")));
}

}  // namespace
}  // namespace dispatch::http
