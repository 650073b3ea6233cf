#include "base/utf8.hpp"

#include <algorithm>

#include "base/json.hpp"

#include <cstdint>
#include <cstring>
#include <utility>

namespace dispatch {

bool isUtf8(std::string_view text) noexcept {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at < end) {
    if (end - at >= 8) {
      std::uint64_t block = 0;
      std::memcpy(&block, at, 8);
      if ((block & 0x8080808080808080ULL) == 0) {
        at += 8;
        continue;
      }
    }
    const unsigned char lead = *at;
    if (lead < 0x80) {
      ++at;
      continue;
    }
    // RFC 3629 section 4: the second byte's range keeps out overlong forms, surrogates and what lies past
    // U+10FFFF.
    int more = 0;
    unsigned char low = 0x80, high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF)
      more = 1;
    else if (lead >= 0xE0 && lead <= 0xEF) {
      more = 2;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      more = 3;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    } else {
      return false;
    }
    if (end - at <= more) return false;
    if (at[1] < low || at[1] > high) return false;
    for (int i = 2; i <= more; ++i)
      if ((at[i] & 0xC0) != 0x80) return false;
    at += more + 1;
  }
  return true;
}

std::string repairedUtf8(std::string_view text) {
  std::string copy(text);
  if (isUtf8(copy)) return copy;
  return parseJson(dumpJson(Json(std::move(copy))), "text").get<std::string>();
}

std::size_t characters(std::string_view text) noexcept {
  // Every character has one byte that continues no other.
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

}  // namespace dispatch
