#include "room.hpp"

#include <cstdint>
#include <initializer_list>
#include <utility>

namespace jitsi {

namespace {

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

std::string suffixOf(std::string_view digest) {
  constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : digest) {
    bits = bits << 8U | static_cast<std::uint8_t>(c);
    for (held += 8; held >= 5 && out.size() < kSuffixLength; held -= 5)
      out += alphabet[bits >> (held - 5) & 31U];
    if (out.size() == kSuffixLength) break;
  }
  return out;
}

std::string roomText(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (!plain(c)) c = '-';
  return out;
}

bool soundPattern(std::string_view pattern) {
  int suffixes = 0;
  while (!pattern.empty()) {
    std::size_t taken = plain(pattern.front()) ? 1 : 0;
    for (const std::string_view placeholder : {"{name}", "{id}", "{suffix}"})
      if (pattern.starts_with(placeholder)) {
        taken = placeholder.size();
        if (placeholder == "{suffix}") ++suffixes;
      }
    if (taken == 0) return false;
    pattern.remove_prefix(taken);
  }
  return suffixes == 1;
}

std::string roomName(std::string_view pattern, std::string_view incidentName, std::string_view incidentId,
                     std::string_view suffix) {
  const std::initializer_list<std::pair<std::string_view, std::string_view>> values{
      {"{name}", incidentName}, {"{id}", incidentId}, {"{suffix}", suffix}};
  std::string out;
  while (!pattern.empty()) {
    std::size_t taken = 1;
    std::string_view put = pattern.substr(0, 1);
    for (const auto& [placeholder, value] : values)
      if (pattern.starts_with(placeholder)) {
        taken = placeholder.size();
        put = value;
      }
    out += roomText(put);
    pattern.remove_prefix(taken);
  }
  return out;
}

}  // namespace jitsi
