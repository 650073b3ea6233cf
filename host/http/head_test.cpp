#include "http/head.hpp"

#include <gtest/gtest.h>

namespace dispatch::http {
namespace {

/// Scans and parses `text`, in pieces of `step` bytes; status 0 is a good head, -1 an incomplete one.
int read(const std::string& text, Head& head, std::size_t step = 1'000'000, HeadLimits limits = {}) {
  HeadScanner scanner;
  Refusal refusal;
  for (std::size_t size = std::min(step, text.size());; size = std::min(size + step, text.size())) {
    switch (scanner.scan(std::string_view(text).substr(0, size), limits, refusal)) {
      case HeadScanner::Result::refused:
        return refusal.status;
      case HeadScanner::Result::complete:
        head.bytes = text.substr(scanner.begin(), scanner.end() - scanner.begin());
        return parseHead(head, limits).status;
      case HeadScanner::Result::incomplete:
        if (size == text.size()) return -1;
    }
  }
}

int status(const std::string& text, HeadLimits limits = {}) {
  Head whole, pieces;
  const int result = read(text, whole, 1'000'000, limits);
  EXPECT_EQ(result, read(text, pieces, 1, limits)) << text;
  return result;
}

TEST(Head, ReadsMethodTargetAndFields) {
  Head head;
  ASSERT_EQ(
      read("\r\nPOST /a/b?c=d HTTP/1.1\r\nHost: h:8000\r\nX-Y:\t z \r\nContent-Length: 12\r\n\r\nrest", head),
      0);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/a/b?c=d");
  EXPECT_EQ(head.path(), "/a/b");
  EXPECT_EQ(head.host, "h:8000");
  EXPECT_EQ(head.fields.at(1).value, "z");
  EXPECT_EQ(head.contentLength, 12u);
  EXPECT_TRUE(head.keepAlive);
}

TEST(Head, AbsoluteTargetOverrulesHost) {
  Head head;
  ASSERT_EQ(read("GET HTTP://real:1/p?q HTTP/1.1\r\nHost: other\r\n\r\n", head), 0);
  EXPECT_EQ(head.host, "real:1");
  EXPECT_EQ(head.target, "/p?q");
  ASSERT_EQ(read("GET http://real HTTP/1.1\r\nHost: other\r\n\r\n", head), 0);
  EXPECT_EQ(head.target, "/");
  EXPECT_EQ(status("GET http://user@real/ HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(status("GET http:///p HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
}

TEST(Head, KeepsOrClosesAsVersionAndConnectionSay) {
  Head head;
  const auto keeps = [&](const std::string& text) {
    EXPECT_EQ(read(text, head), 0);
    return head.keepAlive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

struct Case {
  const char* what;
  std::string text;
  int status;
};

class HeadRefusals : public ::testing::TestWithParam<Case> {};

TEST_P(HeadRefusals, HoldWholeAndInPieces) { EXPECT_EQ(status(GetParam().text), GetParam().status); }

const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";

INSTANTIATE_TEST_SUITE_P(
    Matrix, HeadRefusals,
    ::testing::Values(
        Case{"LengthAndChunked", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Case{"ChunkedAndLength", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", 400},
        Case{"TwoLengths", post + "Content-Length: 4\r\nContent-Length: 5\r\n\r\n", 400},
        Case{"LengthList", post + "Content-Length: 4, 4\r\n\r\n", 400},
        Case{"LengthSigned", post + "Content-Length: +4\r\n\r\n", 400},
        Case{"LengthNegative", post + "Content-Length: -1\r\n\r\n", 400},
        Case{"LengthHex", post + "Content-Length: 0x4\r\n\r\n", 400},
        Case{"LengthEmpty", post + "Content-Length:\r\n\r\n", 400},
        Case{"LengthHuge", post + "Content-Length: 99999999999999999999\r\n\r\n", 413},
        Case{"TwoEncodings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Case{"EncodingTwice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
        Case{"EncodingIdentity", post + "Transfer-Encoding: identity\r\n\r\n", 400},
        Case{"EncodingNotLast", post + "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
        Case{"EncodingVerticalTab", post + "Transfer-Encoding: \x0b" + "chunked\r\n\r\n", 400},
        Case{"EncodingPrefixed", post + "Transfer-Encoding: xchunked\r\n\r\n", 400},
        Case{"EncodingGzip", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        Case{"EncodingIn10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Case{"NameBeforeBlank", post + "Transfer-Encoding : chunked\r\n\r\n", 400},
        Case{"NameAfterBlank", post + " Transfer-Encoding: chunked\r\n\r\n", 400},
        Case{"FoldedValue", post + "X: a\r\n\tb\r\n\r\n", 400},
        Case{"BareLineFeeds", "GET / HTTP/1.1\nHost: x\n\n", 400},
        Case{"OneBareLineFeed", post + "X: a\nY: b\r\n\r\n", 400},
        Case{"BareCarriageReturn", post + "X: a\rY: b\r\n\r\n", 400},
        Case{"NulInValue", post + std::string("X: a\0b\r\n\r\n", 10), 400},
        Case{"NameEmpty", post + ": a\r\n\r\n", 400}, Case{"NameWithControl", post + "X\x01: a\r\n\r\n", 400},
        Case{"NoColon", post + "Xa\r\n\r\n", 400}, Case{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
        Case{"TwoHosts", post + "Host: y\r\n\r\n", 400}, Case{"SameHostTwice", post + "Host: x\r\n\r\n", 400},
        Case{"HostWithPath", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400},
        Case{"HostWithUser", "GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", 400},
        Case{"ExpectOther", post + "Expect: 200-ok\r\n\r\n", 417},
        Case{"Version2", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
        Case{"VersionMissing", "GET /\r\n\r\n", 400},
        Case{"VersionLowerCase", "GET / http/1.1\r\nHost: x\r\n\r\n", 400},
        Case{"TwoSpaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Case{"TargetWithSpace", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Case{"TargetWithFragment", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Case{"TargetNotAscii", "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Case{"TargetRelative", "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Case{"TargetStarOfGet", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Case{"Connect", "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501},
        Case{"MethodWithColon", "GE:T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Case{"TlsHello", std::string("\x16\x03\x01\x02\x00", 5), 400},
        Case{"ManyEmptyLines", "\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", 400},
        Case{"Incomplete", "GET / HTTP/1.1\r\nHost: x\r\n", -1}),
    [](const auto& info) { return std::string(info.param.what); });

TEST(Head, LimitsSizeAndFieldCount) {
  const std::string start = "GET / HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(status(start + "X: " + std::string(200, 'a') + "\r\n\r\n", {200, 10}), 431);
  EXPECT_EQ(status(start + "X: " + std::string(200, 'a'), {200, 10}), 431);
  EXPECT_EQ(status("GET /" + std::string(300, 'a'), {200, 10}), 414);
  std::string fields;
  for (int i = 0; i < 9; ++i) fields += "X: a\r\n";
  EXPECT_EQ(status(start + fields + "\r\n", {2000, 10}), 0);
  EXPECT_EQ(status(start + fields + "X: a\r\n\r\n", {2000, 10}), 431);
}

}  // namespace
}  // namespace dispatch::http
