#include "plugin/service/destination.hpp"

#include "base/problem.hpp"
#include "plugin/service/service_support.hpp"

#include <gmock/gmock.h>

namespace dispatch::plugin {
namespace {

using Poco::Net::IPAddress;
using ::testing::HasSubstr;

Manifest manifestFor(Json permissions) {
  Manifest manifest;
  manifest.id = "probe";
  manifest.permissions = std::move(permissions);
  return manifest;
}

TEST(AddressClass, LocalAndSpecialRangesAreNoneOfThemGlobal) {
  for (const auto* text : {"10.0.0.1", "127.0.0.1", "127.255.255.255", "172.16.0.1", "172.31.255.255",
                           "192.168.1.1", "100.64.0.1", "::1", "fc00::1", "fd12::1", "::ffff:127.0.0.1",
                           "::ffff:10.1.2.3", "64:ff9b::7f00:1", "2002:7f00:1::", "198.18.0.1"})
    EXPECT_EQ(classify(IPAddress(text)), AddressClass::local) << text;
  for (const auto* text : {"0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1",
                           "192.0.2.1", "::", "fe80::1", "ff02::1", "::7f00:1", "::ffff:169.254.169.254",
                           "2001:db8::1", "fec0::1", "2001::1"})
    EXPECT_EQ(classify(IPAddress(text)), AddressClass::special) << text;
  for (const auto* text : {"1.1.1.1", "9.255.255.255", "11.0.0.1", "172.15.255.255", "172.32.0.1",
                           "192.167.0.1", "2606:4700::1111", "::ffff:1.1.1.1"})
    EXPECT_EQ(classify(IPAddress(text)), AddressClass::global) << text;
}

TEST(Url, IsTakenApartAsAPeerWould) {
  const auto url = Url::parse("HTTPS://Example.COM./a/b?c=d#e");
  EXPECT_EQ(url.destination.text(), "https://example.com:443");
  EXPECT_EQ(url.target, "/a/b?c=d");
  EXPECT_EQ(url.authority, "example.com");
  EXPECT_EQ(Url::parse("http://[::1]:8080").destination.host, "::1");
  EXPECT_EQ(Url::parse("http://a:8080?x").target, "/?x");
  EXPECT_EQ(Url::parse("http://a:8080").authority, "a:8080");
}

TEST(Url, WhatCouldMeanTwoThingsIsRefused) {
  for (const auto* text : {"ftp://a/", "//a/", "https://", "https://a b/", "https://a/\r\nX: y",
                           "https://user@a/", "https://a:0/", "https://a:65536/", "https://a:x/",
                           "https://a\\@b/", "https://a%2eb/", "https://ä/", "javascript:x"})
    EXPECT_THROW(Url::parse(text), ServiceRefusal) << text;
}

TEST(Url, RedirectsAreResolvedAgainstTheRequest) {
  const auto base = Url::parse("https://a.example/x/y?z=1");
  EXPECT_EQ(base.resolve("/n").target, "/n");
  EXPECT_EQ(base.resolve("n").target, "/x/n");
  EXPECT_EQ(base.resolve("?q").target, "/x/y?q");
  EXPECT_EQ(base.resolve("//b.example/n").destination.host, "b.example");
  EXPECT_EQ(base.resolve("http://c.example:81/").destination.text(), "http://c.example:81");
  EXPECT_EQ(base.resolve("/r?u=http://d.example/").destination.host, "a.example");
}

TEST(Grants, OnlyWhatTheManifestAsksForIsGranted) {
  const Grants grants(manifestFor({{"http", {"slack.com", "*.atlassian.net", "api.example:8443"}}}),
                      Json::object(), {});
  EXPECT_FALSE(grants.refusal({"https", "slack.com", 443}));
  EXPECT_FALSE(grants.refusal({"https", "my.atlassian.net", 443}));
  EXPECT_FALSE(grants.refusal({"https", "api.example", 8443}));
  for (const auto& other :
       {Destination{"http", "slack.com", 80}, Destination{"https", "slack.com", 8443},
        Destination{"https", "evilslack.com", 443}, Destination{"https", "slack.com.evil.example", 443},
        Destination{"https", "atlassian.net", 443}, Destination{"https", "evilatlassian.net", 443},
        Destination{"https", "api.example", 443}, Destination{"stream", "slack.com", 443}})
    EXPECT_THAT(grants.refusal(other).value_or(""), HasSubstr("is not a destination of this plugin"))
        << other.text();
}

TEST(Grants, SettingsGrantExactlyTheirOwnOrigin) {
  const Grants grants(
      manifestFor(
          {{"http", {{{"config", "api_url"}}}}, {"stream", {{{"config", "host"}, {"port_config", "port"}}}}}),
      {{"api_url", "http://Jira.Internal:8080/rest"}, {"host", "Mail.Example"}, {"port", 587}}, {});
  EXPECT_FALSE(grants.refusal({"http", "jira.internal", 8080}));
  EXPECT_TRUE(grants.refusal({"https", "jira.internal", 8080}));
  EXPECT_TRUE(grants.refusal({"http", "jira.internal", 80}));
  EXPECT_FALSE(grants.refusal({"stream", "mail.example", 587}));
  EXPECT_TRUE(grants.refusal({"stream", "mail.example", 25}));
}

TEST(Grants, PrivateAddressNeedsTheOperator) {
  const auto manifest = manifestFor({{"stream", {"mail.internal:25"}}});
  const Destination mail{"stream", "mail.internal", 25};
  const Grants none(manifest, {}, {});
  EXPECT_THAT(none.refusal(mail, IPAddress("10.0.0.5")).value_or(""),
              HasSubstr("- {plugin: probe, host: mail.internal, port: 25}"));
  EXPECT_FALSE(none.refusal(mail, IPAddress("1.2.3.4")));
  EXPECT_FALSE(Grants(manifest, {}, {{"probe", "mail.internal", 25}}).refusal(mail, IPAddress("10.0.0.5")));
  EXPECT_FALSE(Grants(manifest, {}, {{"*", "10.0.0.0/8", 0}}).refusal(mail, IPAddress("10.0.0.5")));
  EXPECT_TRUE(Grants(manifest, {}, {{"probe", "mail.internal", 26}}).refusal(mail, IPAddress("10.0.0.5")));
  EXPECT_TRUE(Grants(manifest, {}, {{"another", "mail.internal", 25}}).refusal(mail, IPAddress("10.0.0.5")));
  EXPECT_TRUE(Grants(manifest, {}, {{"probe", "10.0.0.0/24", 25}}).refusal(mail, IPAddress("10.0.1.5")));
}

TEST(Grants, NameDoesNotOpenTheMetadataService) {
  const auto manifest = manifestFor({{"stream", {"mail.internal:80"}}});
  const Destination mail{"stream", "mail.internal", 80};
  EXPECT_TRUE(
      Grants(manifest, {}, {{"probe", "mail.internal", 0}}).refusal(mail, IPAddress("169.254.169.254")));
  EXPECT_FALSE(
      Grants(manifest, {}, {{"probe", "169.254.169.254", 0}}).refusal(mail, IPAddress("169.254.169.254")));
}

TEST(Allowances, AreReadFromTheFile) {
  const auto read = readAllowances(Json::parse(R"({"allow": [
    {"plugin": "smtp-email", "host": "mail.internal", "port": 587, "untrusted_tls": true, "ca_file": "/etc/ca.pem"},
    {"plugin": "*", "host": "10.0.0.0/8"}, {"plugin": "x", "host": "::1"}]})"));
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0].caFile, "/etc/ca.pem");
  EXPECT_TRUE(read[0].untrustedTls);
  EXPECT_EQ(read[1].port, 0);
  EXPECT_TRUE(readAllowances(Json::object()).empty());
}

TEST(Allowances, MistakesAreNamedWithTheirEntry) {
  const auto refusal = [](const char* yaml) -> std::string {
    try {
      readAllowances(Json::parse(yaml));
      return "";
    } catch (const Problem& problem) {
      return problem.what();
    }
  };
  EXPECT_THAT(refusal(R"({"allow": {"plugin": "x"}})"), HasSubstr("must be a list"));
  EXPECT_THAT(refusal(R"({"allow": [{"plugin": "x", "host": "a"}, {"host": "a"}]})"), HasSubstr("entry 2"));
  EXPECT_THAT(refusal(R"({"allow": [{"plugin": "x", "hosts": "a"}]})"), HasSubstr("unknown key `hosts`"));
  EXPECT_THAT(refusal(R"({"allow": [{"plugin": "x", "host": "https://a/"}]})"),
              HasSubstr("is no name, address or network"));
  EXPECT_THAT(refusal(R"({"allow": [{"plugin": "x", "host": "10.0.0.0/33"}]})"),
              HasSubstr("is no name, address or network"));
  EXPECT_THAT(refusal(R"({"allow": [{"plugin": "x", "host": "a", "port": "25"}]})"), HasSubstr("wrong type"));
}

}  // namespace
}  // namespace dispatch::plugin
