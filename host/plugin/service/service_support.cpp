#include "plugin/service/service_support.hpp"

#include <algorithm>
#include <cstdio>

namespace dispatch::plugin {

std::string_view checkedText(dispatch_str text, const char* what) {
  if (text.len == 0) return {};
  if (text.ptr == nullptr)
    throw ServiceRefusal(DISPATCH_ERR_INVALID,
                         std::string(what) + " is NULL with a length of " + std::to_string(text.len));
  if (text.len > maxTextBytes)
    throw ServiceRefusal(DISPATCH_ERR_INVALID, std::string(what) + " claims " + std::to_string(text.len) +
                                                   " bytes; the most is " + std::to_string(maxTextBytes));
  return {text.ptr, text.len};
}

HostCall& checkedCall(const dispatch_call* call) {
  auto* host = HostCall::of(call);
  if (host == nullptr)
    throw ServiceRefusal(DISPATCH_ERR_INVALID, "this service needs the call it is used in");
  return *host;
}

dispatch_str answerText(HostCall& call, std::string_view text) {
  dispatch_str out{};
  if (!call.copyOut(text, out))
    throw ServiceRefusal(DISPATCH_ERR_LIMIT, "the answer of " + std::to_string(text.size()) +
                                                 " bytes does not fit into the memory of this call");
  return out;
}

dispatch_status statusOf(Problem::Kind kind) noexcept {
  switch (kind) {
    case Problem::Kind::invalid:
    case Problem::Kind::badRequest:
      return DISPATCH_ERR_INVALID;
    case Problem::Kind::unauthorized:
    case Problem::Kind::forbidden:
    case Problem::Kind::conflict:
      return DISPATCH_ERR_DENIED;
    case Problem::Kind::notFound:
      return DISPATCH_ERR_NOT_FOUND;
    case Problem::Kind::tooLarge:
    case Problem::Kind::tooMany:
      return DISPATCH_ERR_LIMIT;
    case Problem::Kind::unavailable:
      return DISPATCH_ERR_UNAVAILABLE;
    case Problem::Kind::internal:
      return DISPATCH_ERR_INTERNAL;
  }
  return DISPATCH_ERR_INTERNAL;
}

bool isToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string lowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return lower;
}

std::string oneLine(std::string_view text, std::size_t most) {
  std::string line;
  line.reserve(std::min(text.size(), most));
  for (const char c : text) {
    if (line.size() >= most) break;
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\r') {
      line += "\\r";
    } else if (c == '\t') {
      line += ' ';
    } else if (byte < 0x20 || byte == 0x7f) {
      char code[5];
      std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned>(byte));
      line += code;
    } else {
      line += c;
    }
  }
  if (line.size() >= most && text.size() > most) {
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0) == 0x80) line.pop_back();
    if (!line.empty() && (static_cast<unsigned char>(line.back()) & 0x80) != 0) line.pop_back();
    line += "…";
  }
  return line;
}

}  // namespace dispatch::plugin
