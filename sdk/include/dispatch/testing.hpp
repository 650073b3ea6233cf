// A host for unit tests: every service, in memory, under the test's control. A plugin's own tests need no
// server:
//
//   #include <dispatch/testing.hpp>
//
//   TEST(Hello, NamesTheTicketAfterTheIncident) {
//     dispatch::testing::FakeHost host;
//     auto plugin = host.load(dispatch_plugin_query_v1(), {{"url", "https://tracker.example/"}, {"token",
//     host.secret("s3cret")}}); host.onHttp = [](const auto& request) { return
//     dispatch::testing::HttpAnswer{201, R"({"key": "OPS-1"})"}; }; const auto outcome =
//     plugin.invoke("create", {{"incident", {{"id", 1}, {"name", "n"}, {"title", "t"}}}});
//     ASSERT_TRUE(outcome.ok()) << outcome.message;
//     EXPECT_EQ(outcome.value["resource_id"], "OPS-1");
//   }
//
// dispatch_add_plugin(… TESTS hello_test.cpp) builds such a program from the plugin's own sources.
#pragma once

#include <dispatch/abi.h>
#include <dispatch/testing/fake_host.hpp>
#include <dispatch/testing/instance.hpp>

extern "C" const dispatch_plugin_v1* dispatch_plugin_query_v1(void);
