#include "message.hpp"

#include "address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using testing::HasSubstr;
using testing::Not;

dispatch::EmailSend mail() {
  dispatch::EmailSend out;
  out.messageId = "<a@b>";
  out.to = {{"grace@example.com", "Grace Hopper"}};
  out.subject = "Hello";
  out.text = "text\n";
  return out;
}
std::string compose(const dispatch::EmailSend& mail) {
  return smtp::composeMessage(mail, {"dispatch@example.com", "Dispatch", ""},
                              std::chrono::system_clock::from_time_t(1'700'000'000));
}

/// RFC 5322 section 2.1.1, RFC 2047 section 2: every line short enough, none with a lone CR or LF.
void expectSoundLines(const std::string& message, std::size_t most = 998) {
  std::size_t start = 0;
  while (start < message.size()) {
    const auto end = message.find("\r\n", start);
    ASSERT_NE(end, std::string::npos) << "does not end in CR LF";
    const std::string line = message.substr(start, end - start);
    EXPECT_LE(line.size(), most) << line;
    EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos) << line;
    start = end + 2;
  }
}

/// RFC 2047 words put together again; only for what encodeHeaderText makes.
std::string decodeWords(std::string text) {
  std::string out;
  for (std::size_t at = 0; (at = text.find("=?UTF-8?B?", at)) != std::string::npos;) {
    const auto end = text.find("?=", at);
    const auto piece = dispatch::base64Decode(std::string_view(text).substr(at + 10, end - at - 10));
    EXPECT_TRUE(piece.has_value());
    out += piece.value_or("");
    at = end + 2;
  }
  return out;
}

TEST(SmtpMessage, HasTheHeadersThatEveryMailNeeds) {
  const std::string message = compose(mail());
  EXPECT_EQ(message,
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
            "From: Dispatch <dispatch@example.com>\r\n"
            "To: Grace Hopper <grace@example.com>\r\n"
            "Subject: Hello\r\n"
            "Message-ID: <a@b>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 7bit\r\n"
            "\r\n"
            "text\r\n");
}

TEST(SmtpMessage, OffersTextAndHtmlAsAlternatives) {
  auto both = mail();
  both.html = "<p>caf\xC3\xA9</p>";
  const std::string message = compose(both);
  expectSoundLines(message);
  const auto boundary = message.substr(message.find("boundary=\"") + 10, 27);
  EXPECT_THAT(message, HasSubstr("\r\n--" + boundary + "\r\nContent-Type: text/plain"));
  EXPECT_THAT(message, HasSubstr("\r\n--" + boundary + "\r\nContent-Type: text/html"));
  EXPECT_THAT(message, HasSubstr("<p>caf=C3=A9</p>\r\n"));
  EXPECT_TRUE(message.ends_with("\r\n--" + boundary + "--\r\n"));
  EXPECT_LT(message.find("text/plain"), message.find("text/html"));
}

TEST(SmtpMessage, TheBoundaryIsInNeitherPart) {
  auto both = mail();
  both.html = "<p>x</p>";
  const std::string first = compose(both);
  const auto boundary = first.substr(first.find("boundary=\"") + 10, 27);
  both.text = "--" + boundary + "\n";
  const std::string second = compose(both);
  EXPECT_NE(second.substr(second.find("boundary=\"") + 10, 27), boundary);
}

TEST(SmtpMessage, SubjectsOutsideAsciiSurviveInShortWords) {
  std::string subject;
  for (int i = 0; i < 40; ++i) subject += "\xF0\x9F\x94\xA5 na\xC3\xAFve ";
  const std::string encoded = smtp::encodeHeaderText(subject, 9);
  EXPECT_EQ(decodeWords(encoded), std::string(dispatch::trim(subject)));
  expectSoundLines("Subject: " + encoded + "\r\n", 76);
}

TEST(SmtpMessage, LongPlainSubjectsAreFoldedBetweenWords) {
  std::string subject;
  for (int i = 0; i < 40; ++i) subject += "word" + std::to_string(i) + (i % 7 == 0 ? "  " : " ");
  std::string folded = smtp::encodeHeaderText(subject, 9);
  expectSoundLines("Subject: " + folded + "\r\n", 90);
  for (std::size_t at = 0; (at = folded.find("\r\n", at)) != std::string::npos;) folded.erase(at, 2);
  EXPECT_EQ(folded, std::string(dispatch::trim(subject)));
}

TEST(SmtpMessage, WhatLooksEncodedOrHasNoSpacesIsEncoded) {
  EXPECT_EQ(decodeWords(smtp::encodeHeaderText("=?UTF-8?Q?x?=", 9)), "=?UTF-8?Q?x?=");
  const std::string longWord(3000, 'x');
  const std::string encoded = smtp::encodeHeaderText(longWord, 9);
  expectSoundLines("Subject: " + encoded + "\r\n", 76);
  EXPECT_EQ(decodeWords(encoded), longWord);
}

TEST(SmtpMessage, NamesAreQuotedWhereTheyMustBe) {
  EXPECT_EQ(smtp::encodeMailbox({"a@b.c", ""}), "a@b.c");
  EXPECT_EQ(smtp::encodeMailbox({"a@b.c", "Grace Hopper"}), "Grace Hopper <a@b.c>");
  EXPECT_EQ(smtp::encodeMailbox({"a@b.c", "Hopper, Grace \"G\\\" <x@y.z>"}),
            "\"Hopper, Grace \\\"G\\\\\\\" <x@y.z>\" <a@b.c>");
  EXPECT_EQ(decodeWords(smtp::encodeMailbox({"a@b.c", "Gr\xC3\xA4\x63\x65"})), "Gr\xC3\xA4\x63\x65");
  EXPECT_THAT(smtp::encodeMailbox({"a@b.c", "x\r\nBcc: y@z"}), Not(HasSubstr("\n")));
}

TEST(SmtpMessage, ManyRecipientsFoldBetweenAddresses) {
  auto many = mail();
  many.to.clear();
  for (int i = 0; i < 200; ++i)
    many.to.push_back({"person" + std::to_string(i) + "@example.com", "Person " + std::to_string(i)});
  expectSoundLines(compose(many), 78);
}

TEST(SmtpMessage, QuotedPrintableFollowsItsRules) {
  EXPECT_EQ(smtp::quotedPrintable("a=b\n"), "a=3Db\n");
  EXPECT_EQ(smtp::quotedPrintable("end \n\tx\t\n"), "end=20\n\tx=09\n");
  EXPECT_EQ(smtp::quotedPrintable("caf\xC3\xA9"), "caf=C3=A9");
  const std::string line(76, 'x');
  EXPECT_EQ(smtp::quotedPrintable(line + "\n"), line + "\n");
  EXPECT_EQ(smtp::quotedPrintable(line + "x\n"), line.substr(1) + "=\nxx\n");
  std::string high;
  for (int i = 0; i < 300; ++i) high += "\xC3\xA9";
  std::size_t start = 0;
  const std::string encoded = smtp::quotedPrintable(high) + "\n";
  while (start < encoded.size()) {
    const auto end = encoded.find('\n', start);
    EXPECT_LE(end - start, 76U);
    start = end + 1;
  }
}

TEST(SmtpMessage, LongLinesAndControlCharactersAreEncoded) {
  auto odd = mail();
  odd.text = std::string(5000, 'x') + "\r\rnul\0bell\a\n";
  expectSoundLines(compose(odd));
  EXPECT_THAT(compose(odd), HasSubstr("quoted-printable"));
  odd.text.clear();
  for (int i = 0; i < 500; ++i) odd.text += "\xE6\x97\xA5";
  expectSoundLines(compose(odd), 78);
  EXPECT_THAT(compose(odd), HasSubstr("base64"));
}

TEST(SmtpMessage, DotsAtLineBeginningsAreDoubled) {
  EXPECT_EQ(smtp::stuffDots(".\r\n..x\r\na.\r\n"), "..\r\n...x\r\na.\r\n");
}

TEST(SmtpAddress, TakesWhatAServerTakes) {
  for (const char* good : {"a@b", "first.last+tag@sub.example.com", "\"a b\"@example.com", "x@[127.0.0.1]",
                           "o'hara@example.com"})
    EXPECT_EQ(smtp::addressFault(good), "") << good;
  for (const char* bad : {"", "a", "@b", "a@", "a b@c", "a@b c", "a@b\r\nX", "a>@b", "a@b>", ".a@b", "a..b@c",
                          "\"a\r\"@b", "\"a@b", "a@.b", "a@b..c", "a@[1 2]"})
    EXPECT_NE(smtp::addressFault(bad), "") << bad;
  EXPECT_NE(smtp::addressFault(std::string(65, 'x') + "@b"), "");
  EXPECT_NE(smtp::addressFault("a@" + std::string(260, 'x')), "");
}

}  // namespace
