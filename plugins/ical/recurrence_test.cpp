#include "recurrence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using ical::Local;
using ical::Recurrence;
using testing::ElementsAre;
using testing::HasSubstr;

Local at(const char* text) { return ical::parseMoment(text).local; }

/// Days as "MMDD", for a rule that ends by itself or at `to`.
std::vector<std::string> days(const char* rule, const char* start, const char* to,
                              const char* from = nullptr) {
  std::vector<std::string> out;
  Recurrence(rule).each(at(start), from == nullptr ? at(start) : at(from), at(to), [&](Local one) {
    EXPECT_EQ(one - std::chrono::floor<ical::Days>(one),
              at(start) - std::chrono::floor<ical::Days>(at(start)));
    const std::chrono::year_month_day date(std::chrono::floor<ical::Days>(one));
    const auto text = std::to_string(10'000 + static_cast<unsigned>(date.month()) * 100 +
                                     static_cast<unsigned>(date.day()));
    out.push_back(text.substr(1));
    return true;
  });
  return out;
}

std::string refusal(const char* rule) {
  try {
    const Recurrence parsed{rule};
  } catch (const ical::Refused& error) {
    return error.what();
  }
  return "";
}

// The examples of RFC 5545 section 3.8.5.3; tests/vectors holds what they leave open.
TEST(Recurrence, FollowsTheExamplesOfItsStandard) {
  const char* start = "19970902T090000";
  EXPECT_EQ(days("FREQ=DAILY;COUNT=10", start, "20000101").back(), "0911");
  EXPECT_THAT(days("FREQ=DAILY;INTERVAL=10;COUNT=5", start, "20000101"),
              ElementsAre("0902", "0912", "0922", "1002", "1012"));
  EXPECT_THAT(days("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH;COUNT=8", start, "20000101"),
              ElementsAre("0902", "0904", "0916", "0918", "0930", "1002", "1014", "1016"));
  EXPECT_THAT(days("FREQ=MONTHLY;COUNT=4;BYDAY=1FR", "19970905T090000", "20000101"),
              ElementsAre("0905", "1003", "1107", "1205"));
  EXPECT_THAT(days("FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "19970922T090000", "20000101"),
              ElementsAre("0922", "1020", "1117"));
  EXPECT_THAT(days("FREQ=MONTHLY;BYMONTHDAY=-3", "19970928T090000", "19971231"),
              ElementsAre("0928", "1029", "1128", "1229"));
  EXPECT_THAT(days("FREQ=YEARLY;COUNT=4;BYMONTH=6,7", "19970610T090000", "20000101"),
              ElementsAre("0610", "0710", "0610", "0710"));
  EXPECT_THAT(days("FREQ=YEARLY;BYDAY=20MO", "19970519T090000", "20000101"),
              ElementsAre("0519", "0518", "0517"));
  EXPECT_THAT(days("FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "19970313T090000", "19980301"),
              ElementsAre("0313", "0320", "0327"));
  EXPECT_THAT(days("FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "19970913T090000", "19971231"),
              ElementsAre("0913", "1011", "1108", "1213"));
  EXPECT_THAT(days("FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "19961105T090000",
                   "20050101"),
              ElementsAre("1105", "1107", "1102"));
}

TEST(Recurrence, TheWeeksBeginningCounts) {
  EXPECT_THAT(days("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "19970805T090000", "20000101"),
              ElementsAre("0805", "0810", "0819", "0824"));
  EXPECT_THAT(days("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "19970805T090000", "20000101"),
              ElementsAre("0805", "0817", "0819", "0831"));
}

TEST(Recurrence, DaysThatAMonthDoesNotHaveAreLeftOut) {
  EXPECT_THAT(days("FREQ=MONTHLY", "20260131T090000", "20260601"), ElementsAre("0131", "0331", "0531"));
  EXPECT_THAT(days("FREQ=YEARLY", "20240229T090000", "20330101"), ElementsAre("0229", "0229", "0229"));
}

TEST(Recurrence, TheFirstStartCountsWhateverTheRuleGives) {
  EXPECT_THAT(days("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "20260303T090000", "20270101"),
              ElementsAre("0303", "0309", "0316"));
  EXPECT_THAT(days("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "20260303T090000", "22000101"),
              ElementsAre("0303"));
}

TEST(Recurrence, AWindowFarAheadSeesTheSame) {
  for (const char* rule : {"FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,FR",
                           "FREQ=MONTHLY;INTERVAL=5", "FREQ=YEARLY;INTERVAL=3;BYMONTH=1,7;BYDAY=1MO,-1SU"}) {
    const auto all = days(rule, "19910131T090000", "20270101");
    const auto late = days(rule, "19910131T090000", "20270101", "20220101");
    ASSERT_GT(all.size(), late.size());
    ASSERT_FALSE(late.empty()) << rule;
    EXPECT_TRUE(std::equal(late.rbegin(), late.rend(), all.rbegin())) << rule;
  }
}

TEST(Recurrence, StopsWhenToldTo) {
  int seen = 0;
  Recurrence("FREQ=DAILY").each(at("20260101"), at("20260101"), at("20270101"), [&](Local) {
    return ++seen < 3;
  });
  EXPECT_EQ(seen, 3);
}

TEST(Recurrence, NamesWhatItCannotFollow) {
  EXPECT_THAT(refusal("FREQ=HOURLY;INTERVAL=12"), HasSubstr("FREQ=HOURLY is not supported"));
  for (const char* part :
       {"BYSETPOS", "BYWEEKNO", "BYYEARDAY", "BYHOUR", "BYMINUTE", "BYSECOND", "RSCALE", "SKIP"})
    EXPECT_THAT(refusal((std::string("FREQ=MONTHLY;BYDAY=MO;") + part + "=1").c_str()),
                HasSubstr(std::string(part) + " is not supported"));
  EXPECT_THAT(refusal("FREQ=WEEKLY;BYDAY=1MO"), HasSubstr("needs FREQ=MONTHLY or YEARLY"));
  EXPECT_THAT(refusal("FREQ=WEEKLY;BYMONTHDAY=1"), HasSubstr("does not go with FREQ=WEEKLY"));
  EXPECT_THAT(refusal("COUNT=3"), HasSubstr("FREQ is missing"));
  EXPECT_THAT(refusal("FREQ=DAILY;FREQ=DAILY"), HasSubstr("FREQ stands there twice"));
  for (const char* rule : {"FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=x",
                           "FREQ=DAILY;INTERVAL=-1", "FREQ=YEARLY;INTERVAL=99999", "FREQ=DAILY;BYMONTH=13",
                           "FREQ=DAILY;BYMONTH=-1", "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=MONTHLY;BYMONTHDAY=0",
                           "FREQ=MONTHLY;BYDAY=54MO", "FREQ=MONTHLY;BYDAY=XX", "FREQ=MONTHLY;BYDAY=M",
                           "FREQ=MONTHLY;BYDAY=", "FREQ=DAILY;UNTIL=soon", "FREQ=DAILY;INTERVAL"})
    EXPECT_NE(refusal(rule), "") << rule;
  EXPECT_EQ(refusal("freq=monthly;byday=+1mo,-1fr;"), "");
}

}  // namespace
