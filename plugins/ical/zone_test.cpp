#include "zone.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using ical::Zone;
using testing::HasSubstr;

std::string utc(const Zone& zone, const char* local) {
  return ical::shown(zone.toInstant(ical::parseMoment(local).local)).substr(0, 16);
}

Zone described(const std::string& observances) {
  return Zone(
      ical::parseStream("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\n" + observances + "END:VTIMEZONE\nEND:VCALENDAR\n")
          .at(0)
          .components.at(0));
}

const std::string kBerlin =
    "BEGIN:STANDARD\nDTSTART:19701025T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;"
    "BYMONTH=10;BYDAY=-1SU\n"
    "END:STANDARD\n"
    "BEGIN:DAYLIGHT\nDTSTART:19700329T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;"
    "BYMONTH=3;BYDAY=-1SU\n"
    "END:DAYLIGHT\n";

void expectBerlin(const Zone& zone) {
  EXPECT_EQ(utc(zone, "20260301T120000"), "2026-03-01 11:00");
  EXPECT_EQ(utc(zone, "20260701T120000"), "2026-07-01 10:00");
  // Put forward at two on 29 March: what is skipped counts as before. RFC 5545 section 3.3.5.
  EXPECT_EQ(utc(zone, "20260329T015959"), "2026-03-29 00:59");
  EXPECT_EQ(utc(zone, "20260329T023000"), "2026-03-29 01:30");
  EXPECT_EQ(utc(zone, "20260329T030000"), "2026-03-29 01:00");
  // Put back at three on 25 October: what is shown twice is the first of both.
  EXPECT_EQ(utc(zone, "20261025T023000"), "2026-10-25 00:30");
  EXPECT_EQ(utc(zone, "20261025T030000"), "2026-10-25 02:00");
  EXPECT_EQ(utc(zone, "20991231T000000"), "2099-12-30 23:00");
}

TEST(Zone, FollowsTheFeedsDescription) { expectBerlin(described(kBerlin)); }

TEST(Zone, FollowsARuleOfPosix) {
  expectBerlin(*Zone::fromText("CET-1CEST,M3.5.0,M10.5.0/3"));
  expectBerlin(*Zone::fromText("<+01>-1<+02>-02:00:00,M3.5.0/02:00,M10.5.0/03:00:00"));
  // South of the equator, and with a summer that is called standard time.
  EXPECT_EQ(utc(*Zone::fromText("AEST-10AEDT,M10.1.0,M4.1.0/3"), "20260101T000000"), "2025-12-31 13:00");
  EXPECT_EQ(utc(*Zone::fromText("AEST-10AEDT,M10.1.0,M4.1.0/3"), "19700101T000000"), "1969-12-31 13:00");
  EXPECT_EQ(utc(*Zone::fromText("IST-1GMT0,M10.5.0,M3.5.0/1"), "20260701T120000"), "2026-07-01 11:00");
  EXPECT_EQ(utc(*Zone::fromText("IST-1GMT0,M10.5.0,M3.5.0/1"), "20260101T120000"), "2026-01-01 12:00");
}

TEST(Zone, KnowsUtcAndOffsets) {
  for (const char* name : {"UTC", "utc", "GMT", "Etc/UTC", "+00:00"})
    EXPECT_EQ(utc(*Zone::fromText(name), "20260301T120000"), "2026-03-01 12:00") << name;
  EXPECT_EQ(utc(*Zone::fromText("-03:30"), "20260301T120000"), "2026-03-01 15:30");
  EXPECT_EQ(utc(*Zone::fromText("+05:45"), "20260301T120000"), "2026-03-01 06:15");
  for (const char* name : {"Europe/Berlin", "EST5EDT", "", "CET"})
    EXPECT_EQ(Zone::fromText(name), nullptr) << name;
}

TEST(Zone, RefusesRulesThatAreWrong) {
  for (const char* rule :
       {"CET-1CEST,M3.5.0", "CET-1CEST,J60,J300", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0,",
        "CE-1CEST,M3.5.0,M10.5.0", "<CET-1CEST,M3.5.0,M10.5.0", ",", "CET,M3.5.0,M10.5.0"})
    EXPECT_THROW(Zone::fromText(rule), ical::Refused) << rule;
}

TEST(Zone, ADescriptionMayEndAndBeginAgain) {
  // UNTIL is in UTC, RDATE names single changes, and before the first the first offset counts.
  const Zone zone = described(
      "BEGIN:DAYLIGHT\nDTSTART:20100401T020000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\n"
      "RRULE:FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=1;UNTIL=20110401T070000Z\nRDATE:20120601T000000,"
      "20130601T000000\nEND:DAYLIGHT\n"
      "BEGIN:STANDARD\nDTSTART:20101001T020000\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nRRULE:FREQ=YEARLY;"
      "BYMONTH=10;BYMONTHDAY=1\nEND:STANDARD\n");
  EXPECT_EQ(utc(zone, "20000701T000000"), "2000-07-01 05:00");
  EXPECT_EQ(utc(zone, "20110501T000000"), "2011-05-01 04:00");
  EXPECT_EQ(utc(zone, "20120501T000000"), "2012-05-01 05:00");
  EXPECT_EQ(utc(zone, "20130701T000000"), "2013-07-01 04:00");
  EXPECT_EQ(utc(zone, "20140701T000000"), "2014-07-01 05:00");
}

TEST(Zone, RefusesDescriptionsThatSayNothing) {
  const auto refusal = [](const std::string& observances) {
    try {
      described(observances);
    } catch (const ical::Refused& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal(""), HasSubstr("neither STANDARD nor DAYLIGHT"));
  EXPECT_THAT(refusal("BEGIN:STANDARD\nDTSTART:x\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\n"),
              HasSubstr("no date"));
  EXPECT_THAT(refusal("BEGIN:STANDARD\nDTSTART:20000101T000000\nTZOFFSETFROM:+0100\nEND:STANDARD\n"),
              HasSubstr("no offset"));
  EXPECT_THAT(refusal("BEGIN:STANDARD\nDTSTART:20000101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n"
                      "RRULE:FREQ=YEARLY;BYYEARDAY=1\nEND:STANDARD\n"),
              HasSubstr("BYYEARDAY"));
}

TEST(Moment, ReadsDatesAndTimes) {
  EXPECT_TRUE(ical::parseMoment("20260301").date);
  EXPECT_TRUE(ical::parseMoment("20260301T140500Z").utc);
  EXPECT_FALSE(ical::parseMoment("20260301T140500").utc);
  EXPECT_EQ(ical::parseMoment("20161231T235960Z").local, ical::parseMoment("20161231T235959Z").local);
  for (const char* text : {"", "2026", "20260230", "20261301", "20260301T", "20260301T1405",
                           "20260301T240000", "20260301T146000", "20260301T140500z", "20260301T140500ZZ",
                           "2026030 T140500", "20260301 140500", "-2260301"})
    EXPECT_THROW(ical::parseMoment(text), ical::Refused) << text;
}

TEST(Moment, DurationsAreNominalOrExact) {
  const auto parts = [](const char* text) {
    const ical::Length length = ical::parseDuration(text);
    return std::make_pair(length.nominal.count(), length.exact.count());
  };
  EXPECT_EQ(parts("P1W"), std::make_pair(604800L, 0L));
  EXPECT_EQ(parts("P15DT5H0M20S"), std::make_pair(15 * 86400L, 18020L));
  EXPECT_EQ(parts("+PT90M"), std::make_pair(0L, 5400L));
  EXPECT_EQ(parts("-P1DT1H"), std::make_pair(-86400L, -3600L));
  for (const char* text : {"", "P", "PT", "1D", "P1", "P1H", "PT1D", "P1DT", "PT1HT1M", "P12345678D", "P-1D"})
    EXPECT_THROW(ical::parseDuration(text), ical::Refused) << text;
}

}  // namespace
