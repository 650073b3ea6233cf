#include "wire/wire.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace dispatch::wire {
namespace {

dispatch_str str(const char* text) { return {text, std::strlen(text)}; }
std::string text(dispatch_str value) { return std::string(value.ptr == nullptr ? "" : value.ptr, value.len); }

class CodecTest : public ::testing::Test {
 protected:
  std::vector<std::uint8_t> memory = std::vector<std::uint8_t>(1 << 16);
  Area area{memory.data(), memory.size()};
  Writer writer{area};
  Reader reader() { return Reader(memory.data(), area.used()); }
};

TEST_F(CodecTest, StructsArriveAsTheyWereSent) {
  dispatch_auth_request sent{};
  sent.struct_size = sizeof sent;
  sent.action = DISPATCH_AUTH_LOGIN;
  sent.organization = str("default");
  sent.fields_json = str("{\"password\":\"x\"}");
  put(writer, sent);
  ASSERT_TRUE(writer.good());
  auto in = reader();
  dispatch_auth_request got{};
  get(in, got);
  EXPECT_FALSE(in.bad());
  EXPECT_EQ(got.struct_size, sizeof got);
  EXPECT_EQ(got.action, DISPATCH_AUTH_LOGIN);
  EXPECT_EQ(text(got.organization), "default");
  EXPECT_EQ(text(got.fields_json), "{\"password\":\"x\"}");
  EXPECT_EQ(got.state.ptr, nullptr);
}

TEST_F(CodecTest, ArraysOfPointersArriveWithTheirNullOnes) {
  dispatch_http_header header{};
  header.struct_size = sizeof header;
  header.name = str("Authorization");
  header.value.struct_size = sizeof header.value;
  header.value.secret = 3;
  header.value.encoder = str("bearer");
  const dispatch_http_header* headers[2] = {&header, nullptr};
  dispatch_http_request sent{};
  sent.struct_size = sizeof sent;
  sent.method = str("GET");
  sent.headers = headers;
  sent.header_count = 2;
  put(writer, sent);
  auto in = reader();
  dispatch_http_request got{};
  get(in, got);
  ASSERT_FALSE(in.bad());
  ASSERT_EQ(got.header_count, 2u);
  EXPECT_EQ(text(got.headers[0]->name), "Authorization");
  EXPECT_EQ(got.headers[0]->value.secret, 3u);
  EXPECT_EQ(got.headers[1], nullptr);
}

TEST_F(CodecTest, MembersThatTheMakerDoesNotKnowAreNotRead) {
  dispatch_secret_use sent{};
  sent.struct_size = offsetof(dispatch_secret_use, text);  // of an SDK from before `text`
  sent.secret = 7;
  sent.text = {reinterpret_cast<const char*>(1), 1000};  // would crash if it were read
  put(writer, sent);
  auto in = reader();
  dispatch_secret_use got{};
  get(in, got);
  EXPECT_FALSE(in.bad());
  EXPECT_EQ(got.secret, 7u);
  EXPECT_EQ(got.text.len, 0u);
}

TEST_F(CodecTest, MembersThatTheTakerDoesNotKnowAreNotWritten) {
  dispatch_secret_use sent{};
  sent.struct_size = sizeof sent;
  sent.text = str("new");
  put(writer, sent);
  auto in = reader();
  dispatch_secret_use got{};
  got.struct_size = offsetof(dispatch_secret_use, text);
  got.text = str("old");
  get(in, got);
  EXPECT_EQ(text(got.text), "old");
}

TEST_F(CodecTest, BodiesCutOffAnywhereAreBadAndNeverReadPast) {
  dispatch_auth_request sent{};
  sent.struct_size = sizeof sent;
  sent.organization = str("default");
  sent.subject = str("ada@example.com");
  put(writer, sent);
  for (std::uint64_t size = 0; size + 8 < area.used(); ++size) {
    std::vector<std::uint8_t> cut(memory.begin(), memory.begin() + static_cast<long>(size));
    Reader in(cut.data(), cut.size());
    dispatch_auth_request got{};
    get(in, got);
    EXPECT_TRUE(in.bad()) << size;
  }
}

TEST_F(CodecTest, CountsBeyondTheBodyAreRefusedBeforeAnythingIsAllocated) {
  writer.word(std::uint64_t{1} << 60);
  auto in = reader();
  const dispatch_http_header* const* headers = nullptr;
  std::uint64_t count = 0;
  getMany(in, headers, count);
  EXPECT_TRUE(in.bad());
  EXPECT_EQ(count, 0u);
}

TEST_F(CodecTest, TextsOfTheCallsMemoryAreFoundThereAndOthersAreNot) {
  std::vector<std::uint8_t> arena(64, 'a');
  writer.setArena(arena.data(), 32);
  writer.text(dispatch_str{reinterpret_cast<const char*>(arena.data()) + 4, 8});
  writer.text(dispatch_str{reinterpret_cast<const char*>(arena.data()) + 30, 8});  // past what was given out
  writer.text(str("literal"));
  writer.text(dispatch_str{nullptr, 10});
  Reader in(memory.data(), area.used(), arena.data(), arena.size());
  EXPECT_EQ(text(in.text()), "aaaaaaaa");
  for (int i = 0; i < 2; ++i) {
    const auto foreign = in.text();
    const auto* at = reinterpret_cast<const std::uint8_t*>(foreign.ptr);
    EXPECT_TRUE(at < arena.data() || at >= arena.data() + arena.size());
    EXPECT_GT(foreign.len, 0u);
  }
  const auto null = in.text();
  EXPECT_EQ(null.ptr, nullptr);
  EXPECT_EQ(null.len, 10u);
  EXPECT_FALSE(in.bad());
}

TEST_F(CodecTest, OffsetsOutsideTheCallsMemoryAreBad) {
  std::vector<std::uint8_t> arena(16);
  writer.word(std::uint64_t{8} << 2 | Writer::inArena);
  writer.word(9);
  Reader in(memory.data(), area.used(), arena.data(), arena.size());
  in.text();
  EXPECT_TRUE(in.bad());
}

TEST_F(CodecTest, WhatDoesNotFitIsToldAndWritesNothingOutside) {
  std::vector<std::uint8_t> small(24, 0xee);
  Area few(small.data(), 16);
  Writer tight(few);
  tight.word(1);
  tight.text(str("much too long for what is left"));
  EXPECT_FALSE(tight.good());
  EXPECT_EQ(small[16], 0xee);
}

TEST(Functions, EachHasANumberOfItsOwn) {
  EXPECT_EQ(PluginFunctions::number<&dispatch_plugin_v1::start>(), 0u);
  EXPECT_NE(PluginFunctions::number<&dispatch_integration_1::invoke>(),
            PluginFunctions::number<&dispatch_health_1::test>());
  EXPECT_LT(HostFunctions::number<&dispatch_credential_1::replace>(), HostFunctions::size);
}

}  // namespace
}  // namespace dispatch::wire
