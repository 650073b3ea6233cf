#include "plugin/package/version.hpp"

#include <gtest/gtest.h>

namespace dispatch::plugin {
namespace {

/// Semantic Versioning 2.0.0, section 11, and what the host meets besides.
TEST(Version, IsOrderedAsSemanticVersioningSays) {
  const char* ascending[] = {"0.9.0",
                             "1.0.0-alpha",
                             "1.0.0-alpha.1",
                             "1.0.0-alpha.beta",
                             "1.0.0-beta",
                             "1.0.0-beta.2",
                             "1.0.0-beta.11",
                             "1.0.0-rc.1",
                             "1.0.0",
                             "1.0.1",
                             "1.2.0",
                             "1.10.0",
                             "2.0.0-rc.1-x",
                             "2.0.0",
                             "18446744073709551617.0.0"};
  const auto count = std::size(ascending);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < count; ++j)
      EXPECT_EQ(compareVersions(ascending[i], ascending[j]), i <=> j) << ascending[i] << ' ' << ascending[j];
}

TEST(Version, BuildMetadataDoesNotCount) {
  EXPECT_EQ(compareVersions("1.0.0+a", "1.0.0+b"), std::weak_ordering::equivalent);
  EXPECT_EQ(compareVersions("1.0.0-rc.1+a-b", "1.0.0-rc.1"), std::weak_ordering::equivalent);
}

TEST(Version, WhatIsNoneIsTheLowest) {
  EXPECT_EQ(compareVersions("", "0.0.1"), std::weak_ordering::less);
  EXPECT_EQ(compareVersions("nonsense", "0.0.1"), std::weak_ordering::less);
}

}  // namespace
}  // namespace dispatch::plugin
