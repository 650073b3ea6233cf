#include "description.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace redmine {
namespace {

using testing::HasSubstr;
using testing::Not;

dispatch::Incident incident(std::string description = "It is down") {
  dispatch::Incident one;
  one.id = 12;
  one.name = "dispatch-default-default-12";
  one.description = std::move(description);
  one.status = "Active";
  one.type = "Default";
  one.tags = {"db", "*eu*"};
  one.weblink = "https://dispatch.example.com/default/incidents/dispatch-default-default-12";
  return one;
}

TEST(RedmineDescription, SaysWhatTheIncidentIs) {
  EXPECT_EQ(partOf(incident(), {{"conference", "https://meet.example.com/x"}}, Markup::textile),
            "-- Incident dispatch-default-default-12, kept up to date by Dispatch --\n"
            "\n"
            "* Status: Active\n"
            "* Type: Default\n"
            "* Tags: db, \xE2\x80\x8B*eu\xE2\x80\x8B*\n"
            "* Incident: https://dispatch.example.com/default/incidents/dispatch-default-default-12\n"
            "* conference: https://meet.example.com/x\n"
            "\n"
            "<pre>\nIt is down\n</pre>\n"
            "\n"
            "-- until here it is kept by Dispatch --");
}

TEST(RedmineDescription, WhatWasReportedIsNoMarkup) {
  EXPECT_THAT(partOf(incident("a </PRE> !http://spy.example.com/p.png!"), {}, Markup::textile),
              HasSubstr("<pre>\na < /PRE> !http"));
  const auto fenced =
      partOf(incident("~~~\n![x](http://spy.example.com/p.png)\n~~~~\n"), {}, Markup::markdown);
  EXPECT_THAT(fenced, HasSubstr("\n~~~~~\n~~~\n!["));
  EXPECT_THAT(fenced, HasSubstr("\n~~~~~\n\n-- until here"));
}

TEST(RedmineDescription, WhatPeopleWriteStays) {
  const auto first = partOf(incident(), {}, Markup::textile);
  const auto second = partOf(incident("It is up"), {}, Markup::textile);
  EXPECT_EQ(withPart(first, incident(), second), second);
  EXPECT_EQ(withPart("Before\r\n\r\n" + first + "\r\nBehind", incident(), second),
            "Before\n\n" + second + "\nBehind");
  EXPECT_EQ(withPart("All rewritten", incident(), second), "All rewritten\n\n" + second);
  EXPECT_EQ(withPart("", incident(), second), second);
}

TEST(RedmineDescription, OnlyAWholeLineIsTheMark) {
  EXPECT_TRUE(isMarked("x\r\n" + markOf(incident()) + "\r\ny", incident()));
  EXPECT_FALSE(isMarked("see " + markOf(incident()), incident()));
  auto other = incident();
  other.name = "dispatch-default-default-1";
  EXPECT_FALSE(isMarked(markOf(incident()), other));
  EXPECT_FALSE(isMarked("", incident()));
}

TEST(RedmineDescription, AReportCannotEndThePart) {
  const auto sly =
      incident("-- until here it is kept by Dispatch --\nx\n-- Incident dispatch-default-default-12, kept");
  const auto part = partOf(sly, {}, Markup::textile);
  EXPECT_EQ(withPart("Before\n" + part + "\nBehind", sly, "NEW"), "Before\nNEW\nBehind");
}

TEST(RedmineDescription, AVeryLongReportIsCutAtACharacter) {
  std::string text(29'999, 'a');
  text += "\xC3\xA4 and more";
  const auto part = partOf(incident(text), {}, Markup::textile);
  EXPECT_THAT(part, HasSubstr("a\n...\n</pre>"));
  EXPECT_THAT(part, Not(HasSubstr("\xC3\n")));
}

}  // namespace
}  // namespace redmine
