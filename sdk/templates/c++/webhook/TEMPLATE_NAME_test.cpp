#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

#include <cstdio>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::Instance;
using dispatch::testing::Json;

const std::string alarm = R"({"id": "77", "title": "Disk is full", "text": "on db1"})";

/// As the service signs it.
Instance::Webhook delivery(const std::string& secret) {
  std::string hex;
  for (const unsigned char byte : dispatch::testing::hmacSha256(secret, alarm)) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    hex += digits;
  }
  Instance::Webhook webhook;
  webhook.body = alarm;
  webhook.headers = {{"X-Signature", hex}, {"X-Delivery-Id", "d-1"}};
  return webhook;
}

TEST(TEMPLATE_CLASS, ReportsAnIncident) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), {{"secret", host.secret("s3cret")}});
  const auto outcome = plugin.deliver(delivery("s3cret"));
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["status"], 200);
  ASSERT_EQ(host.events.size(), 1U);
  EXPECT_EQ(host.events[0]["key"], "77");
  EXPECT_EQ(plugin.deliveryId(delivery("s3cret")).value, "d-1");
}

TEST(TEMPLATE_CLASS, RefusesAWrongSignature) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), {{"secret", host.secret("s3cret")}});
  EXPECT_EQ(plugin.deliver(delivery("another")).value["status"], 401);
  EXPECT_EQ(plugin.deliveryId(delivery("another")).value, "");
  EXPECT_TRUE(host.events.empty());
}

}  // namespace
