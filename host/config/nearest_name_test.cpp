#include "config/nearest_name.hpp"

#include <gtest/gtest.h>

namespace dispatch::config {

TEST(NearestName, FindsWhatAMisspellingMeant) {
  const std::vector<std::string> known{"DATABASE_HOSTNAME", "DATABASE_NAME", "DISPATCH_PORT", "DISPATCH_HOST",
                                       "LOG_LEVEL"};
  EXPECT_EQ(nearestName("DATABASE_HOST", known), "DATABASE_HOSTNAME");
  EXPECT_EQ(nearestName("DISPATCH_PROT", known), "DISPATCH_PORT");
  EXPECT_EQ(nearestName("dispatch_port", known), "DISPATCH_PORT");
  EXPECT_EQ(nearestName("LOGLEVEL", known), "LOG_LEVEL");
  EXPECT_EQ(nearestName("HOSTNAME", known), "DATABASE_HOSTNAME");
}

TEST(NearestName, SuggestsNothingFarFetched) {
  const std::vector<std::string> known{"DISPATCH_PORT", "LOG_LEVEL"};
  EXPECT_FALSE(nearestName("KUBERNETES_SERVICE", known));
  EXPECT_FALSE(nearestName("", known));
  EXPECT_FALSE(nearestName("X", known));
  EXPECT_EQ(didYouMean("KUBERNETES_SERVICE", known), "");
  EXPECT_EQ(didYouMean("DISPATCH_PORTS", known), " - did you mean DISPATCH_PORT?");
}

TEST(NearestName, IsQuickForALongName) {
  EXPECT_FALSE(nearestName(std::string(1000000, 'Q'), {"DISPATCH_PORT"}));
}

}  // namespace dispatch::config
