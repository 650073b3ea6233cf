#include "content_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using ical::parseStream;
using testing::HasSubstr;

std::string refusal(const std::string& text) {
  try {
    parseStream(text);
  } catch (const ical::Malformed& error) {
    return error.what();
  }
  return "";
}

TEST(ContentLine, UnfoldsBytesNotCharacters) {
  // RFC 5545 section 3.1: folding may cut a character in two.
  const auto calendars = parseStream(
      "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:M\xC3\r\n \xBC"
      "ller \r\n\tis  on\r\n  call\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
  ASSERT_EQ(calendars.size(), 1U);
  EXPECT_EQ(calendars[0].components.at(0).value("SUMMARY"), "M\xC3\xBCller is  on call");
}

TEST(ContentLine, TakesOtherLineEndsAndLetters) {
  const auto calendars = parseStream(
      "\xEF\xBB\xBF"
      "begin:vcalendar\nversion:2.0\n\nBegin:vEvent\nuid:1\n 2\nEnd:VEVENT\nEND:VCALENDAR");
  EXPECT_EQ(calendars.at(0).value("VERSION"), "2.0");
  EXPECT_EQ(calendars.at(0).components.at(0).name, "VEVENT");
  EXPECT_EQ(calendars.at(0).components.at(0).value("UID"), "12");
}

TEST(ContentLine, ParametersMayBeQuoted) {
  const auto calendars = parseStream(
      "BEGIN:VCALENDAR\nATTENDEE;CN=\"Hopper; Grace: R\xC3\xAD"
      "a, \";cutype=INDIVIDUAL;X-N=a^'b^'^nc^^d^e:mailto:grace@example.com\n"
      "DTSTART;VALUE=date:20260301\nDTEND:20260301\nEND:VCALENDAR\n");
  const ical::Property& attendee = *calendars.at(0).find("ATTENDEE");
  EXPECT_EQ(attendee.parameter("CN"),
            "Hopper; Grace: R\xC3\xAD"
            "a, ");
  EXPECT_EQ(attendee.parameter("CUTYPE"), "INDIVIDUAL");
  EXPECT_EQ(attendee.parameter("X-N"), "a\"b\"\nc^d^e");
  EXPECT_EQ(attendee.parameter("ROLE"), "");
  EXPECT_EQ(attendee.value, "mailto:grace@example.com");
  EXPECT_TRUE(calendars[0].find("DTSTART")->isDate());
  EXPECT_FALSE(calendars[0].find("DTEND")->isDate());
}

TEST(ContentLine, WhatIsInsideAnAlarmIsNotTheEvents) {
  const auto calendars = parseStream(
      "BEGIN:VCALENDAR\nBEGIN:VEVENT\nBEGIN:VALARM\nATTENDEE:mailto:alarm@example.com\nEND:VALARM\n"
      "UID:1\nEND:VEVENT\nEND:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR\n");
  EXPECT_EQ(calendars.size(), 2U);
  EXPECT_EQ(calendars[0].components.at(0).find("ATTENDEE"), nullptr);
  EXPECT_EQ(calendars[0].components.at(0).value("UID"), "1");
}

TEST(ContentLine, LinesThatAreNoneAreLeftOut) {
  const auto calendars =
      parseStream("BEGIN:VCALENDAR\nno line at all\n:nameless\nA;B=\"open:1\nUID:1\nEND:VCALENDAR\n");
  EXPECT_EQ(calendars.at(0).properties.size(), 1U);
}

TEST(ContentLine, TextHasItsEscapes) {
  // RFC 5545 section 3.3.11.
  EXPECT_EQ(ical::unescapeText(R"(a\, b\; c\\n\nd\N\e\)"), "a, b; c\\n\nd\ne\\");
}

TEST(ContentLine, SaysWhatIsNoCalendar) {
  EXPECT_THAT(refusal("<html>Log in: here</html>"), HasSubstr("does not begin with BEGIN:VCALENDAR"));
  EXPECT_THAT(refusal(""), HasSubstr("holds no VCALENDAR"));
  EXPECT_THAT(refusal("BEGIN:VCARD\nEND:VCARD\n"), HasSubstr("begins with VCARD"));
  EXPECT_THAT(refusal("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n"), HasSubstr("ends inside a VEVENT"));
  EXPECT_THAT(refusal("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n"),
              HasSubstr("END:VCALENDAR ends no component"));
  std::string deep = "BEGIN:VCALENDAR\n";
  for (int i = 0; i < 10'000; ++i) deep += "BEGIN:X\n";
  EXPECT_THAT(refusal(deep), HasSubstr("nested too deeply"));
}

}  // namespace
