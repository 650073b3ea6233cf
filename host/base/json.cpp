#include "base/json.hpp"

#include "base/problem.hpp"
#include "base/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <vector>

namespace dispatch {

namespace {

constexpr std::uint64_t writtenMark = 0x4a;  // subtype of binary values that hold JSON text

std::string dumpWhole(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Printable ASCII that stands in JSON as it is.
bool isPlain(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

void writeText(std::string& out, const std::string& text) {
  if (!isPlain(text)) {
    out += dumpWhole(text);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

template <class Number>
void writeNumber(std::string& out, Number number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void write(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object: {
      char before = '{';
      for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
        out += before;
        writeText(out, name);
        out += ':';
        write(out, member);
        before = ',';
      }
      out += before == '{' ? "{}" : "}";
      return;
    }
    case Json::value_t::array: {
      char before = '[';
      for (const auto& element : value.get_ref<const Json::array_t&>()) {
        out += before;
        write(out, element);
        before = ',';
      }
      out += before == '[' ? "[]" : "]";
      return;
    }
    case Json::value_t::string:
      return writeText(out, value.get_ref<const std::string&>());
    case Json::value_t::number_integer:
      return writeNumber(out, value.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      return writeNumber(out, value.get<std::uint64_t>());
    case Json::value_t::binary:
      if (const auto& bytes = value.get_binary(); bytes.has_subtype() && bytes.subtype() == writtenMark) {
        out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return;
      }
      [[fallthrough]];
    default:
      out += dumpWhole(value);
  }
}

}  // namespace

Json parseJson(std::string_view text, std::string_view what, int maxDepth) {
  std::vector<std::set<std::string>> keys;
  auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > maxDepth)
      throw Problem(Problem::Kind::invalid,
                    std::string(what) + " nests deeper than " + std::to_string(maxDepth) + " levels");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      throw Problem(Problem::Kind::invalid,
                    std::string(what) + " has the key \"" + parsed.get<std::string>() + "\" twice");
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::exception& error) {
    // Not only parse_error: a number beyond a double's range is out_of_range.
    // "[json.exception.parse_error.101] parse error at …": the library's name for it tells people nothing.
    std::string reason = error.what();
    if (const auto end = reason.find("] "); reason.starts_with('[') && end != std::string::npos)
      reason.erase(0, end + 2);
    throw Problem(Problem::Kind::invalid, std::string(what) + " is not valid JSON: " + repairedUtf8(reason))
        .withType("json_invalid");
  }
}

std::string dumpJson(const Json& value) {
  std::string out;
  write(out, value);
  return out;
}

Json writtenJson(const std::string& text) {
  return Json::binary(Json::binary_t::container_type(text.begin(), text.end()), writtenMark);
}

std::string textOr(const Json& object, std::string_view key, std::string_view fallback) {
  if (auto found = object.find(key); found != object.end() && found->is_string())
    return found->get<std::string>();
  return std::string(fallback);
}

}  // namespace dispatch
