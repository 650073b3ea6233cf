#include "api/exposition.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dispatch::api {
namespace {

TEST(Exposition, WritesWhatThePrometheusFormatAsksFor) {
  Exposition page;
  page.family("a_total", "counter", "Back\\slash and\nline.")
      .sample({{"name", "\"quoted\"\\ and\nline"}, {"other", "x"}}, 3)
      .sample(0.25);
  EXPECT_EQ(page.text(),
            "# HELP a_total Back\\\\slash and\\nline.\n"
            "# TYPE a_total counter\n"
            "a_total{name=\"\\\"quoted\\\"\\\\ and\\nline\",other=\"x\"} 3\n"
            "a_total 0.25\n");
}

TEST(Exposition, HistogramsHaveTheirLastBucket) {
  Exposition page;
  page.family("w_seconds", "histogram", "Waits.").histogram({{"p", "1"}}, {{0.1, 1}, {1, 2}}, 3, 5.5);
  EXPECT_EQ(page.text(),
            "# HELP w_seconds Waits.\n"
            "# TYPE w_seconds histogram\n"
            "w_seconds_bucket{p=\"1\",le=\"0.1\"} 1\n"
            "w_seconds_bucket{p=\"1\",le=\"1\"} 2\n"
            "w_seconds_bucket{p=\"1\",le=\"+Inf\"} 3\n"
            "w_seconds_sum{p=\"1\"} 5.5\n"
            "w_seconds_count{p=\"1\"} 3\n");
}

TEST(Exposition, NumbersAreWholeAndUnambiguous) {
  Exposition page;
  page.family("n", "gauge", "").sample(1e18).sample(-0.001).sample(std::numeric_limits<double>::infinity());
  EXPECT_NE(page.text().find("n 1e+18\n"), std::string::npos);
  EXPECT_NE(page.text().find("n -0.001\n"), std::string::npos);
  EXPECT_NE(page.text().find("n +Inf\n"), std::string::npos);
}

}  // namespace
}  // namespace dispatch::api
