#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;

TEST(TEMPLATE_CLASS, OpensWhatItSealedForTheSameSettingOnly) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), {{"key", host.secret("a key")}});
  const auto sealed = plugin.encrypt("PASSWORD", "s3cret");
  ASSERT_TRUE(sealed.ok()) << sealed.message;
  const auto stored = sealed.value.get<std::string>();
  EXPECT_EQ(plugin.decrypt("PASSWORD", stored).value, "s3cret");
  EXPECT_FALSE(plugin.decrypt("ANOTHER", stored).ok());
}

}  // namespace
