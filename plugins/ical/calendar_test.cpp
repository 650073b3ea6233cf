#include "calendar.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using ical::Calendar;
using ical::Instant;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Instant at(const char* text) { return Instant(ical::parseMoment(text).local.time_since_epoch()); }

const std::string kFixed =
    "BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+"
    "0200\n"
    "END:STANDARD\nEND:VTIMEZONE\n";
const std::string kBerlin =
    "BEGIN:VTIMEZONE\nTZID:Europe/"
    "Berlin\nBEGIN:STANDARD\nDTSTART:19701025T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n"
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:"
    "19700329T020000\nTZOFFSETFROM:+0100\n"
    "TZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\nEND:VTIMEZONE\n";

std::string event(const std::string& lines, const std::string& email = "grace@example.com",
                  const std::string& uid = "1") {
  return "BEGIN:VEVENT\nUID:" + uid + "\nSUMMARY:" + email + "\n" + lines + "END:VEVENT\n";
}

struct Feed {
  explicit Feed(const std::string& inside, const std::string& zone = "UTC")
      : calendar("BEGIN:VCALENDAR\n" + inside + "END:VCALENDAR\n", {zone, ical::Where::automatic}) {}
  /// "0301 09:00-0308 09:00" for each.
  std::vector<std::string> shifts(const char* from = "20260101", const char* to = "20270101") const {
    const auto text = [](Instant when) {
      const std::string whole = ical::shown(when);
      return whole.substr(5, 2) + whole.substr(8, 8);
    };
    std::vector<std::string> out;
    for (const auto& shift : calendar.between(at(from), at(to)))
      out.push_back(text(shift.begin) + "-" + text(shift.end));
    return out;
  }
  std::string who(const char* when) const {
    const auto shifts = calendar.between(at(when), at(when) + ical::Seconds(1));
    const auto* holder = calendar.holder(shifts, at(when));
    return holder == nullptr ? "" : holder->event->person->email;
  }
  std::string refusal(const char* from = "20260101", const char* to = "20270101") const {
    try {
      (void)calendar.between(at(from), at(to));
    } catch (const ical::Refused& error) {
      return error.what();
    }
    return "";
  }
  Calendar calendar;
};

TEST(Calendar, AShiftEndsWhereTheNextBegins) {
  const Feed feed(event("DTSTART:20260302T090000Z\nDTEND:20260309T090000Z\n") +
                  event("DTSTART:20260309T090000Z\nDTEND:20260316T090000Z\n", "ada@example.com", "2"));
  EXPECT_EQ(feed.who("20260302T085959"), "");
  EXPECT_EQ(feed.who("20260302T090000"), "grace@example.com");
  EXPECT_EQ(feed.who("20260309T085959"), "grace@example.com");
  EXPECT_EQ(feed.who("20260309T090000"), "ada@example.com");
  EXPECT_EQ(feed.who("20260316T090000"), "");
}

TEST(Calendar, OfEventsThatOverlapTheLaterOneCounts) {
  const Feed feed(event("DTSTART:20260304T090000Z\nDTEND:20260304T170000Z\n", "swap@example.com", "2") +
                  event("DTSTART:20260302T090000Z\nDTEND:20260309T090000Z\n"));
  EXPECT_EQ(feed.who("20260304T085900"), "grace@example.com");
  EXPECT_EQ(feed.who("20260304T120000"), "swap@example.com");
  EXPECT_EQ(feed.who("20260304T170000"), "grace@example.com");
}

TEST(Calendar, OfEventsThatBeginTogetherTheShorterThenTheLastCounts) {
  const Feed feed(event("DTSTART:20260302T090000Z\nDURATION:PT8H\n", "short@example.com") +
                  event("DTSTART:20260302T090000Z\nDURATION:PT9H\n", "long@example.com", "2"));
  EXPECT_EQ(feed.who("20260302T100000"), "short@example.com");
  EXPECT_EQ(feed.who("20260302T173000"), "long@example.com");
  const Feed equal(event("DTSTART:20260302T090000Z\nDURATION:PT8H\n", "first@example.com") +
                   event("DTSTART:20260302T090000Z\nDURATION:PT8H\n", "last@example.com", "2"));
  EXPECT_EQ(equal.who("20260302T100000"), "last@example.com");
}

TEST(Calendar, WholeDaysBeginAtMidnightInTheZoneOfTheSettings) {
  const std::string days = event("DTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260304\n") +
                           event("DTSTART;VALUE=DATE:20260310\n", "ada@example.com", "2");
  EXPECT_THAT(Feed(days).shifts(), ElementsAre("0302 00:00-0304 00:00", "0310 00:00-0311 00:00"));
  EXPECT_THAT(Feed(days, "+02:00").shifts(), ElementsAre("0301 22:00-0303 22:00", "0309 22:00-0310 22:00"));
  EXPECT_THAT(Feed(kFixed + days, "Office").shifts(),
              ElementsAre("0301 22:00-0303 22:00", "0309 22:00-0310 22:00"));
  EXPECT_EQ(Feed(days).calendar.floatingCount(), 2U);
}

TEST(Calendar, TimesHaveTheZoneThatTheyName) {
  const Feed feed(
      kBerlin +
      event("DTSTART;TZID=Europe/Berlin:20260302T090000\nDTEND;TZID=\"Europe/Berlin\":20260309T090000\n") +
      event("DTSTART:20260401T090000\nDTEND:20260401T100000\n", "ada@example.com", "2") +
      event("DTSTART;TZID=Europe/Berlin:20260501T090000\nDTEND:20260501T100000Z\n", "ada@example.com", "3"));
  EXPECT_THAT(feed.shifts(),
              ElementsAre("0302 08:00-0309 08:00", "0401 09:00-0401 10:00", "0501 07:00-0501 10:00"));
  EXPECT_EQ(feed.calendar.floatingCount(), 1U);
}

TEST(Calendar, HandsOverByTheClockOnTheWall) {
  // Across the change of 25 October a week from DTEND is an hour longer, as one of P1W, and no hour is
  // nobody's.
  for (const char* end : {"DTEND;TZID=Europe/Berlin:20261019T090000\n", "DURATION:P1W\n", "DURATION:P7D\n"}) {
    const Feed feed(
        kBerlin +
        event(std::string("DTSTART;TZID=Europe/Berlin:20261012T090000\nRRULE:FREQ=WEEKLY\n") + end));
    EXPECT_THAT(feed.shifts("20261015", "20261101"),
                ElementsAre("1012 07:00-1019 07:00", "1019 07:00-1026 08:00", "1026 08:00-1102 08:00"))
        << end;
  }
  const Feed exact(kBerlin + event("DTSTART;TZID=Europe/Berlin:20261019T090000\nDURATION:PT168H\n"));
  EXPECT_THAT(exact.shifts(), ElementsAre("1019 07:00-1026 07:00"));
}

TEST(Calendar, ExceptionsAndAdditionsOfASeries) {
  const std::string series =
      "DTSTART:20260302T090000Z\nDURATION:PT8H\nRRULE:FREQ=DAILY;UNTIL=20260305T090000Z\n";
  EXPECT_THAT(Feed(event(series)).shifts(), ElementsAre("0302 09:00-0302 17:00", "0303 09:00-0303 17:00",
                                                        "0304 09:00-0304 17:00", "0305 09:00-0305 17:00"));
  EXPECT_THAT(
      Feed(event(series + "EXDATE:20260302T090000Z,20260304T090000Z\nEXDATE;VALUE=DATE:20260305\n")).shifts(),
      ElementsAre("0303 09:00-0303 17:00"));
  EXPECT_THAT(
      Feed(kFixed + event(series + "EXDATE;TZID=Office:20260302T110000,20260303T110000,20260304T090000\n"))
          .shifts(),
      ElementsAre("0304 09:00-0304 17:00", "0305 09:00-0305 17:00"));
  EXPECT_THAT(Feed(event("DTSTART:20260302T090000Z\nDURATION:PT8H\nRDATE:20260401T100000Z,20260302T090000Z\n"
                         "RDATE;VALUE=PERIOD:20260501T100000Z/PT1H,20260601T100000Z/20260601T103000Z\n"))
                  .shifts(),
              ElementsAre("0302 09:00-0302 17:00", "0401 10:00-0401 18:00", "0501 10:00-0501 11:00",
                          "0601 10:00-0601 10:30"));
}

TEST(Calendar, UntilMayBeADay) {
  const Feed feed(event("DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260303\n"));
  EXPECT_THAT(feed.shifts(), ElementsAre("0302 09:00-0302 10:00", "0303 09:00-0303 10:00"));
}

TEST(Calendar, OneOfASeriesMayBeAnother) {
  const std::string series = event("DTSTART:20260302T090000Z\nDURATION:PT8H\nRRULE:FREQ=WEEKLY;COUNT=3\n");
  const std::string moved =
      event("RECURRENCE-ID:20260309T090000Z\nSEQUENCE:2\nDTSTART:20260310T120000Z\nDURATION:PT1H\n",
            "ada@example.com");
  for (const Feed& feed : {Feed(series + moved), Feed(moved + series)}) {
    EXPECT_THAT(feed.shifts(),
                ElementsAre("0302 09:00-0302 17:00", "0310 12:00-0310 13:00", "0316 09:00-0316 17:00"));
    EXPECT_EQ(feed.who("20260310T123000"), "ada@example.com");
  }
  // An earlier revision of the same one, before or behind it, does not count.
  const std::string old =
      event("RECURRENCE-ID:20260309T090000Z\nSEQUENCE:1\nDTSTART:20260311T120000Z\nDURATION:PT1H\n");
  EXPECT_EQ(Feed(series + moved + old).shifts(), Feed(series + moved).shifts());
  EXPECT_EQ(Feed(series + old + moved).shifts(), Feed(series + moved).shifts());
  // Of another series it changes nothing.
  EXPECT_EQ(Feed(series + event("RECURRENCE-ID:20260309T090000Z\nDTSTART:20260601T120000Z\nDURATION:PT1H\n",
                                "a@b.c", "9"))
                .shifts()
                .size(),
            4U);
}

TEST(Calendar, WhatIsCancelledIsNot) {
  const std::string series = "DTSTART:20260302T090000Z\nDURATION:PT8H\nRRULE:FREQ=WEEKLY;COUNT=3\n";
  const std::string gone =
      event("RECURRENCE-ID:20260309T090000Z\nDTSTART:20260309T090000Z\nSTATUS:CANCELLED\n");
  EXPECT_THAT(Feed(event(series) + gone).shifts(),
              ElementsAre("0302 09:00-0302 17:00", "0316 09:00-0316 17:00"));
  const std::string moved =
      event("RECURRENCE-ID:20260309T090000Z\nDTSTART:20260310T120000Z\nDURATION:PT1H\n");
  EXPECT_THAT(Feed(event(series + "STATUS:cancelled\n") + moved).shifts(), IsEmpty());
  EXPECT_EQ(Feed(event(series + "STATUS:TENTATIVE\n")).shifts().size(), 3U);
}

TEST(Calendar, WhatTakesNoTimeIsNobodysShift) {
  EXPECT_THAT(Feed(event("DTSTART:20260302T090000Z\n") +
                   event("DTSTART:20260302T090000Z\nDTEND:20260302T080000Z\n", "a@b.c", "2") +
                   event("DTSTART:20260302T090000Z\nDURATION:-PT1H\n", "a@b.c", "3"))
                  .shifts(),
              IsEmpty());
}

TEST(Calendar, ATimeThatCannotBeKnownIsToldWhereItMatters) {
  const Feed feed(
      event("DTSTART;TZID=Mars/Olympus:20260302T090000\nDTEND;TZID=Mars/Olympus:20260302T170000\n"));
  EXPECT_EQ(feed.refusal(),
            "The event \"grace@example.com\" (UID 1) may be on then, but when it is cannot be known: the "
            "feed does not "
            "describe the time zone \"Mars/Olympus\" (it has no VTIMEZONE of that name).");
  EXPECT_NE(feed.refusal("20260302T000000", "20260302T000001"), "");
  EXPECT_NE(feed.refusal("20260303T050000", "20260303T050001"), "");
  EXPECT_EQ(feed.refusal("20260301T000000", "20260301T000001"), "");
  EXPECT_EQ(feed.refusal("20260401T000000", "20260402T000000"), "");
  // Who names nobody does not matter.
  EXPECT_EQ(Feed(event("DTSTART;TZID=Mars/Olympus:20260302T090000\n", "a holiday")).refusal(), "");
}

TEST(Calendar, NamesTheRuleThatItCannotFollow) {
  const Feed endless(
      event("DTSTART:20200302T090000Z\nDURATION:PT8H\nRRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1\n"));
  EXPECT_THAT(endless.refusal(),
              HasSubstr("its rule RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1 cannot be followed: BYSETPOS"));
  EXPECT_EQ(endless.refusal("20190101", "20190201"), "");
  const Feed over(
      event("DTSTART:20200302T090000Z\nDURATION:PT8H\nRRULE:FREQ=HOURLY;UNTIL=20200401T000000Z\n"));
  EXPECT_EQ(over.refusal(), "");
  EXPECT_THAT(over.refusal("20200331", "20200401"), HasSubstr("FREQ=HOURLY"));
  EXPECT_THAT(Feed(event("DTSTART:20260302T090000Z\nDURATION:PT8H\nEXRULE:FREQ=DAILY\n")).refusal(),
              HasSubstr("EXRULE"));
  EXPECT_THAT(Feed(event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260302T090000Z\nDTSTART:"
                         "20260302T100000Z\nDURATION:PT8H\n"))
                  .refusal(),
              HasSubstr("RANGE=THISANDFUTURE"));
  EXPECT_THAT(Feed(event("DTSTART:soon\nDURATION:PT8H\n")).refusal(),
              HasSubstr("\"soon\" is no date or time"));
  EXPECT_THAT(Feed(event("DURATION:PT8H\n")).refusal(), HasSubstr("DTSTART is missing"));
}

TEST(Calendar, AZoneOfTheSettingsThatTheFeedDoesNotDescribe) {
  const std::string timed = event("DTSTART:20260302T090000Z\nDURATION:PT8H\n");
  EXPECT_EQ(Feed(timed, "Europe/Berlin").refusal(), "");
  EXPECT_THAT(
      Feed(timed + event("DTSTART;VALUE=DATE:20260302\n", "a@b.c", "2"), "Europe/Berlin").refusal(),
      HasSubstr(
          "\"Europe/Berlin\" (it has no VTIMEZONE of that name), which the setting \"Time zone\" names"));
}

TEST(Calendar, ABrokenDescriptionOfAZoneIsTold) {
  const Feed feed("BEGIN:VTIMEZONE\nTZID:X\nEND:VTIMEZONE\n" +
                  event("DTSTART;TZID=X:20260302T090000\nDURATION:PT8H\n"));
  EXPECT_THAT(feed.refusal(), HasSubstr("the VTIMEZONE \"X\" of the feed cannot be used: it has neither"));
}

// --- Who it is

std::optional<ical::Person> person(const std::string& lines, ical::Where where = ical::Where::automatic) {
  return ical::personIn(ical::parseStream("BEGIN:VCALENDAR\n" + lines + "END:VCALENDAR\n").at(0), where);
}

TEST(Person, IsTheFirstAttendeeWhoComes) {
  const auto found = person(
      "SUMMARY:other@example.com\nATTENDEE;CUTYPE=ROOM:mailto:room@example.com\n"
      "ATTENDEE;PARTSTAT=DECLINED:mailto:no@example.com\nATTENDEE:urn:uuid:1\n"
      "ATTENDEE;CN=Grace "
      "Hopper:MAILTO:grace%2Boncall@example.com?subject=x\nATTENDEE:mailto:second@example.com\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->email, "grace+oncall@example.com");
  EXPECT_EQ(found->name, "Grace Hopper");
  EXPECT_EQ(person("ATTENDEE;CN=a@b.example:mailto:a@b.example\n")->name, "");
  EXPECT_EQ(person("ATTENDEE;EMAIL=a@b.example:urn:uuid:1\n")->email, "a@b.example");
}

TEST(Person, StandsWhereTheSettingSays) {
  const std::string lines =
      "ATTENDEE:mailto:attendee@example.com\nORGANIZER:mailto:organizer@example.com\nSUMMARY:summary@example."
      "com\n"
      "DESCRIPTION:Line\\ndescription@example.com\\, or nobody\n";
  EXPECT_EQ(person(lines, ical::Where::attendee)->email, "attendee@example.com");
  EXPECT_EQ(person(lines, ical::Where::organizer)->email, "organizer@example.com");
  EXPECT_EQ(person(lines, ical::Where::summary)->email, "summary@example.com");
  EXPECT_EQ(person(lines, ical::Where::description)->email, "description@example.com");
  EXPECT_EQ(person("SUMMARY:Grace\nDESCRIPTION:d@example.com\n")->email, "d@example.com");
  EXPECT_FALSE(person("ORGANIZER:mailto:organizer@example.com\n"));
  EXPECT_FALSE(person(lines.substr(lines.find("SUMMARY")), ical::Where::attendee));
  EXPECT_EQ(ical::whereOf("summary"), ical::Where::summary);
  EXPECT_FALSE(ical::whereOf("location"));
}

TEST(Person, IsFoundInATitle) {
  const auto text = [](const char* title) {
    const auto found = ical::personInText(title);
    return found ? found->name + "|" + found->email : "";
  };
  EXPECT_EQ(text("On call: grace@example.com"), "|grace@example.com");
  EXPECT_EQ(text("On call: \"Grace Hopper\" <grace@example.com>"), "Grace Hopper|grace@example.com");
  EXPECT_EQ(text("Grace Hopper <grace@example.com>, Ada <ada@example.com>"),
            "Grace Hopper|grace@example.com");
  EXPECT_EQ(text("(grace.h@sub.example.com)."), "|grace.h@sub.example.com");
  EXPECT_EQ(text("mailto:g_h+1@example.com"), "|g_h+1@example.com");
  EXPECT_EQ(text("ask @grace or ada@example.com"), "|ada@example.com");
  for (const char* none : {"", "Grace Hopper", "@", "a@", "@b", "a @ b", "a@-", "..@"})
    EXPECT_EQ(text(none), "") << none;
}

}  // namespace
