// Calendars whose shifts python3-dateutil and zoneinfo have worked out: tests/integration/oncall/vectors.py
// makes such files. One is here; ICAL_VECTORS names another, which the integration test makes afresh.
#include "calendar.hpp"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace {

using Json = nlohmann::json;

void compare(const std::string& path) {
  std::ifstream file(path);
  const Json cases = Json::parse(file);
  ASSERT_GT(cases.size(), 50U) << path;
  std::size_t compared = 0;
  for (const Json& one : cases) {
    const auto name = one["rule"].get<std::string>();
    const auto instant = [&](const Json& value) {
      return ical::Instant(ical::Seconds(value.get<std::int64_t>()));
    };
    Json found = Json::array();
    try {
      const ical::Calendar calendar(one["calendar"].get<std::string>(),
                                    {one["zone"].get<std::string>(), ical::Where::attendee});
      for (const auto& shift : calendar.between(instant(one["from"]), instant(one["to"])))
        found.push_back({shift.begin.time_since_epoch().count(), shift.end.time_since_epoch().count()});
    } catch (const std::exception& error) {
      ADD_FAILURE() << name << ": " << error.what();
      continue;
    }
    EXPECT_EQ(found, one["shifts"]) << name << " from " << one["from"] << "\n"
                                    << one["calendar"].get<std::string>();
    compared += found.size();
  }
  EXPECT_GT(compared, 100U) << path;
}

TEST(Vectors, ShiftsAreThoseOfAnIndependentImplementation) {
  compare(DISPATCH_RECORDINGS "/../vectors/rules.json");
}

TEST(Vectors, AndOfCalendarsThatWereMadeJustNow) {
  const char* fresh = std::getenv("ICAL_VECTORS");
  if (fresh == nullptr) GTEST_SKIP() << "tests/integration/oncall makes them";
  compare(fresh);
}

}  // namespace
