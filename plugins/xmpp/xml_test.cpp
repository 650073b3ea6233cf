#include "xml.hpp"
#include "description.hpp"
#include "jid.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace {

using dispatch::Failure;
using testing::HasSubstr;
using xmpp::Jid;
using xmpp::StreamParser;

const std::string head =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams' id='1'>";
const std::string stanza =
    "<message from='a@b/c' xml:lang='de'><body>x &lt;&#xFC;&gt; y</body>"
    "<x xmlns='urn:x'><y z=\"1'2\"/><y/></x></message>";

std::string faultOf(const std::string& bytes) {
  StreamParser parser;
  try {
    parser.feed(bytes);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), DISPATCH_ERR_UNAVAILABLE);
    return failure.message();
  }
  return "";
}

TEST(StreamParser, TakesAStreamApartWhereverItIsCut) {
  const std::string all = head + stanza + " " + stanza;
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    StreamParser parser;
    parser.feed(std::string_view(all).substr(0, cut));
    parser.feed(std::string_view(all).substr(cut));
    ASSERT_TRUE(parser.header() && parser.header()->is("stream", "http://etherx.jabber.org/streams"));
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(parser.drained(), false);
      const auto one = parser.take();
      ASSERT_TRUE(one) << cut;
      EXPECT_TRUE(one->is("message", "jabber:client"));
      EXPECT_EQ(one->attribute("from"), "a@b/c");
      EXPECT_EQ(one->attribute("xml:lang"), "de");
      EXPECT_EQ(one->childText("body", "jabber:client"), "x <\xC3\xBC> y");
      ASSERT_EQ(one->children.size(), 2U);
      EXPECT_EQ(one->children[1].children[0].attribute("z"), "1'2");
    }
    EXPECT_FALSE(parser.take());
    EXPECT_TRUE(parser.drained());
    EXPECT_FALSE(parser.ended());
    parser.feed("</stream:stream>");
    EXPECT_TRUE(parser.ended());
  }
}

TEST(StreamParser, SeesWhatCameBehindAnElement) {
  StreamParser parser;
  parser.feed(head + "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><mess");
  EXPECT_TRUE(parser.take());
  EXPECT_FALSE(parser.drained());
}

TEST(StreamParser, RefusesWhatXmppDoesNotHave) {
  EXPECT_THAT(faultOf("<!DOCTYPE x [<!ENTITY a 'b'>]>" + head), HasSubstr("document type"));
  EXPECT_THAT(faultOf(head + "<!-- x -->"), HasSubstr("comment"));
  EXPECT_THAT(faultOf(head + "<?php x?>"), HasSubstr("processing instruction"));
  EXPECT_THAT(faultOf(head + "<a>&nbsp;</a>"), HasSubstr("no XML"));
  EXPECT_THAT(faultOf(head + "<a>\xC3</a>"), HasSubstr("no XML"));
  EXPECT_THAT(faultOf("HTTP/1.1 400 Bad Request\r\n\r\n"), HasSubstr("no XML"));
}

TEST(StreamParser, KeepsToItsLimits) {
  std::string deep = head;
  for (std::size_t i = 0; i <= StreamParser::maxDepth; ++i) deep += "<a>";
  EXPECT_THAT(faultOf(deep), HasSubstr("too deep"));
  EXPECT_THAT(faultOf(head + "<a>" + std::string(StreamParser::maxElementBytes + 5000, 'x')),
              HasSubstr("KiB"));
  EXPECT_THAT(faultOf(head + "<a b='" + std::string(StreamParser::maxElementBytes + 5000, 'x')),
              HasSubstr("KiB"));
  std::string many = head;
  for (int i = 0; i < 100'000; ++i) many += "<a/>";  // small ones are no large one
  EXPECT_EQ(faultOf(many), "");
}

/// Whatever comes, in pieces of any size: an element, a refusal, or waiting for more.
TEST(StreamParser, SurvivesGarbledInput) {
  std::mt19937 random(20260101);
  const std::string all = head + stanza + stanza;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = all.substr(0, random() % (all.size() + 1));
    for (unsigned i = random() % 4; i > 0 && !bytes.empty(); --i) {
      const std::size_t at = random() % bytes.size();
      if (random() % 2 == 0)
        bytes[at] = static_cast<char>(random() % 256);
      else
        bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 40));
    }
    StreamParser parser;
    try {
      for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t size = 1 + random() % 50;
        parser.feed(std::string_view(bytes).substr(at, size));
        at += size;
        while (const auto one = parser.take()) EXPECT_FALSE(one->name.empty());
      }
    } catch (const Failure& failure) {
      EXPECT_THAT(failure.message(), testing::StartsWith("The server sent "));
      EXPECT_THROW(parser.feed("<a/>"), Failure);
    }
  }
}

TEST(Serialize, WhatIsWrittenIsReadTheSame) {
  xmpp::Element element = xmpp::tag("message", "jabber:client");
  const std::string text = "<a b='c' d=\"e\">&amp;]]>\xC3\xBC\r\n\t\xF0\x9F\x94\xA5";
  element.with("to", "o'brien & \"co\"")
      .add(xmpp::tag("body", "jabber:client", text))
      .add(xmpp::tag("x", "urn:x"));
  StreamParser parser;
  parser.feed(head + xmpp::serialize(element, "jabber:client"));
  const auto back = parser.take();
  ASSERT_TRUE(back);
  EXPECT_EQ(back->attribute("to"), "o'brien & \"co\"");
  EXPECT_EQ(back->childText("body", "jabber:client"), text);
  EXPECT_NE(back->child("x", "urn:x"), nullptr);
}

TEST(Serialize, WhatXmlHasNoPlaceForBecomesAReplacementCharacter) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(xmpp::escapeXml(std::string("a\0b\x1B", 4)), "a" + bad + "b" + bad);
  EXPECT_EQ(xmpp::escapeXml("\xC3"), bad);
  EXPECT_EQ(xmpp::escapeXml("\xC0\xBC"), bad + bad);            // an overlong "<"
  EXPECT_EQ(xmpp::escapeXml("\xED\xA0\x80"), bad + bad + bad);  // half of a surrogate pair
  EXPECT_EQ(xmpp::escapeXml("\xEF\xBF\xBF"), bad + bad + bad);  // U+FFFF
}

TEST(Address, IsTakenApart) {
  const auto full = Jid::parse("Grace@Example.COM/At home");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->bare(), "grace@example.com");
  EXPECT_EQ(full->resource, "At home");
  EXPECT_EQ(Jid::parse("rooms.example.com")->local, "");
  for (const char* wrong :
       {"", "@example.com", "grace@", "a@b@c", "grace@example.com/", "a b@c", "a'b@c", "a@b\n"})
    EXPECT_FALSE(Jid::parse(wrong)) << wrong;
  EXPECT_FALSE(Jid::parse(std::string(1024, 'a') + "@b"));
}

TEST(Address, EscapesWhatALocalPartCannotHold) {
  EXPECT_EQ(xmpp::escapeLocal("o'brien"), "o\\27brien");  // XEP-0106 section 6
  EXPECT_EQ(xmpp::escapeLocal("d'artagnan / x"), "d\\27artagnan\\20\\2f\\20x");
  EXPECT_EQ(xmpp::escapeLocal("c\\5commas"), "c\\5c5commas");
  EXPECT_EQ(xmpp::escapeLocal("a\\zz"), "a\\zz");
}

TEST(Address, MakesARoomsNameOfAnyName) {
  EXPECT_EQ(xmpp::roomLocal("dispatch-default-default-12"), "dispatch-default-default-12");
  EXPECT_EQ(xmpp::roomLocal("War room: Z\xC3\xBCrich!"), "war-room-z-rich");
  EXPECT_EQ(xmpp::roomLocal("\xC3\xBC"), "incident");
  EXPECT_EQ(xmpp::roomLocal(std::string(500, 'a')).size(), 100U);
}

TEST(Description, KeepsEachLinkOnce) {
  std::string line = xmpp::withText("", "Checkout | answers: 503");
  line = xmpp::withBookmark(line, "Ticket", "https://t/1");
  line = xmpp::withBookmark(line, "Call: now", "https://c/2");
  line = xmpp::withBookmark(line, "The ticket", "https://t/1");
  EXPECT_EQ(line, "Checkout | answers: 503 | The ticket: https://t/1 | Call: now: https://c/2");
  EXPECT_EQ(xmpp::withText(line, "Better\nnow"),
            "Better now | The ticket: https://t/1 | Call: now: https://c/2");
  EXPECT_EQ(xmpp::withBookmark("", "Ticket", "https://t/1"), "Ticket: https://t/1");
}

TEST(Description, CutsWholeCharacters) {
  EXPECT_EQ(xmpp::cut("abc", 3), "abc");
  EXPECT_EQ(xmpp::cut("ab\xC3\xBC", 3), "ab...");
}

}  // namespace
