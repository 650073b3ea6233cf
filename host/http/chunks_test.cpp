#include "http/chunks.hpp"

#include <gtest/gtest.h>

namespace dispatch::http {
namespace {

using Result = ChunkDecoder::Result;

/// Decodes `text` in pieces of `step` bytes; "!" when malformed, "?" appended while incomplete.
std::string decode(const std::string& text, std::size_t step) {
  ChunkDecoder decoder;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t used = 0;
    const auto result = decoder.decode(std::string_view(text).substr(at, step), used, out, 1'000'000);
    at += used;
    if (result == Result::malformed) return "!";
    if (result == Result::done) return out + "/" + text.substr(at);
  }
  return out + "?";
}

std::string decode(const std::string& text) {
  const std::string whole = decode(text, 1'000'000);
  EXPECT_EQ(whole, decode(text, 1)) << text;
  return whole;
}

TEST(Chunks, JoinsDataAndLeavesWhatFollows) {
  EXPECT_EQ(decode("3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n000\r\n\r\nGET"), "abc0123456789/GET");
  EXPECT_EQ(decode("1\r\na\r\n0\r\nX: y\r\nZ: w\r\n\r\n"), "a/");
  EXPECT_EQ(decode("2\r\na"), "a?");
}

TEST(Chunks, RefuseWhatParsersDisagreeAbout) {
  for (const char* text : {"\r\nabc", "3\nabc\r\n", " 3\r\nabc\r\n", "3 \r\nabc\r\n", "0x3\r\nabc\r\n",
                           "+3\r\nabc\r\n", "-1\r\n", "g\r\n", "3\r\nabcd\r\n", "3\r\nabc\n0\r\n\r\n",
                           "3;a\nb\r\nabc\r\n", "3;\x01\r\nabc\r\n", "fffffffffffffffff\r\n",
                           "0000000000000000\r\n\r\n", "0\r\n x: y\r\n\r\n", "0\r\nx\ny\r\n\r\n", ";x\r\n"})
    EXPECT_EQ(decode(text), "!") << text;
}

TEST(Chunks, LimitExtensionsAndTrailers) {
  EXPECT_EQ(decode("1;" + std::string(20'000, 'a') + "\r\n", 1000), "!");
  EXPECT_EQ(decode("0\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n", 1000), "!");
  std::string many;
  for (int i = 0; i < 5'000; ++i) many += "1;abcd\r\nx\r\n";
  EXPECT_EQ(decode(many, 1000), "!");
}

TEST(Chunks, StopAtTheSizeAsked) {
  ChunkDecoder decoder;
  std::string out;
  std::size_t used = 0;
  EXPECT_EQ(decoder.decode("6\r\nabcdef\r\n0\r\n\r\n", used, out, 4), Result::more);
  EXPECT_EQ(out, "abcd");
  EXPECT_EQ(used, 7u);
}

}  // namespace
}  // namespace dispatch::http
