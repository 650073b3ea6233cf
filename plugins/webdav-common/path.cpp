#include "path.hpp"

#include <dispatch/sdk/http.hpp>

#include <algorithm>

namespace webdav {

using dispatch::Failure;

namespace {

constexpr std::size_t maxSegment = 200;  // bytes; file systems take 255, and an extension comes behind it
constexpr std::size_t maxPath = 2000;

bool isControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

bool continuesCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

std::string safeSegment(std::string_view name) {
  std::string out;
  for (const char c : name)
    out += isControl(c) || std::string_view("/\\:*?\"<>|").find(c) != std::string_view::npos ? '-' : c;
  if (out.size() > maxSegment) {
    std::size_t head = maxSegment / 2, tail = out.size() - (maxSegment / 2 - 3);
    while (head > 0 && continuesCharacter(out[head])) --head;
    while (tail < out.size() && continuesCharacter(out[tail])) ++tail;
    out = out.substr(0, head) + "..." + out.substr(tail);
  }
  const auto first = out.find_first_not_of(" .");
  if (first == std::string::npos) return "unnamed";
  return out.substr(first, out.find_last_not_of(" .") - first + 1);
}

std::string checkedPath(std::string_view text, std::string_view what) {
  const auto refuse = [&](const std::string& fault) {
    return Failure::invalid(std::string(what) + " should be a path below the WebDAV address, such as " +
                            "/Templates/incident.md, but \"" + dispatch::quoteLine(text, 200) + "\" " +
                            fault + ".");
  };
  if (!text.starts_with('/')) throw refuse("does not begin with \"/\"");
  if (text.size() > maxPath) throw refuse("has more than " + std::to_string(maxPath) + " bytes");
  if (std::any_of(text.begin(), text.end(), isControl)) throw refuse("holds a control character");
  // Some servers take it for a separator.
  if (text.find('\\') != std::string_view::npos) throw refuse("holds a backslash");
  for (std::size_t begin = 1; begin < text.size();) {
    const auto end = std::min(text.find('/', begin), text.size());
    const std::string_view segment = text.substr(begin, end - begin);
    if (segment.empty()) throw refuse("has \"//\" in it");
    if (segment == "." || segment == "..") throw refuse("has the segment \"" + std::string(segment) + "\"");
    begin = end + 1;
  }
  return std::string(text);
}

std::string asFolder(std::string path) {
  if (!isFolder(path)) path += '/';
  return path;
}

std::string encodedPath(std::string_view path) {
  std::string out;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    out += dispatch::urlEncode(path.substr(begin, end - begin));
    if (end < path.size()) out += '/';
    begin = end + 1;
  }
  return out;
}

std::string extensionOf(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  const std::string_view extension = name.substr(dot);
  const bool plain = extension.size() >= 2 && extension.size() <= 11 &&
                     std::all_of(extension.begin() + 1, extension.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
                     });
  return plain ? dispatch::lower(extension) : std::string();
}

}  // namespace webdav
