#include "config/yaml_file.hpp"

#include "base/problem.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <sstream>

namespace dispatch::config {
namespace {

constexpr int kMaxDepth = 64;
constexpr int kMaxValues = 20000;
constexpr std::size_t kMaxBytes = 16 << 20;  // of text and of paths to values

std::optional<std::int64_t> wholeNumber(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.starts_with("0x")) base = 16;
  if (text.starts_with("0o")) base = 8;
  if (base != 10) text.remove_prefix(2);
  if (text.empty() || text.front() == '-') return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return negative ? -number : number;
}

std::optional<double> realNumber(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  // Not for from_chars, which also reads "inf" and "nan": JSON has no such numbers, so they stay text.
  if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
    return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

Json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  // yaml-cpp's tags: "?" for a plain scalar, "!" for a quoted one.
  if (node.Tag() != "?") return text;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (const auto number = wholeNumber(text)) return *number;
  if (const auto number = realNumber(text)) return *number;
  return text;
}

class Converter {
 public:
  explicit Converter(const std::string& path) : _path(path) {}

  YamlDocument convert(const YAML::Node& root) {
    YamlDocument document;
    if (!root.IsDefined() || root.IsNull()) return document;
    if (!root.IsMap())
      refuse(root.Mark(),
             "expected a mapping at the top (`key: value`), found " +
                 std::string(root.IsSequence() ? "a list" : "a single value"),
             "see dispatch.yaml under share/dispatch/config for an example");
    document.value = value(root, "", 1);
    document.lines = std::move(_lines);
    return document;
  }

  [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& what, const std::string& fix) const {
    throw Problem(
        Problem::Kind::invalid,
        _path + (mark.is_null() ? "" : ":" + std::to_string(mark.line + 1)) + ": " + what + "; " + fix);
  }

 private:
  Json value(const YAML::Node& node, const std::string& pointer, int depth) {
    // Counted where an alias is used, not where it points: a few lines of aliases can stand for billions of
    // values.
    if (++_count > kMaxValues)
      refuse(node.Mark(),
             "expected at most " + std::to_string(kMaxValues) +
                 " values, found more (aliases count where they are used)",
             "write the values out, or fewer of them");
    if (depth > kMaxDepth)
      refuse(node.Mark(),
             "expected at most " + std::to_string(kMaxDepth) +
                 " levels, found more (an alias inside its own anchor has no end)",
             "nest less deeply");
    _bytes += pointer.size() + (node.IsScalar() ? node.Scalar().size() : 0);
    if (_bytes > kMaxBytes)
      refuse(
          node.Mark(),
          "expected at most " + std::to_string(kMaxBytes >> 20) +
              " MiB of keys and text, found more (aliases count where they are used, keys with every value "
              "below them)",
          "shorten the keys and texts that are used so often");
    if (!node.Mark().is_null()) _lines[pointer] = node.Mark().line + 1;
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return scalar(node);
      case YAML::NodeType::Sequence:
        return list(node, pointer, depth);
      case YAML::NodeType::Map:
        return mapping(node, pointer, depth);
      default:
        return nullptr;
    }
  }

  Json list(const YAML::Node& node, const std::string& pointer, int depth) {
    Json result = Json::array();
    for (const auto& entry : node)
      result.push_back(value(entry, pointer + "/" + std::to_string(result.size()), depth + 1));
    return result;
  }

  Json mapping(const YAML::Node& node, const std::string& pointer, int depth) {
    Json result = Json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar())
        refuse(entry.first.Mark(), "expected text as a key, found a list or mapping", "quote the key");
      const std::string& key = entry.first.Scalar();
      const std::string inside = pointer + "/" + escaped(key);
      // yaml-cpp keeps both and leaves it open which of them a look-up finds.
      if (result.contains(key))
        refuse(entry.first.Mark(),
               "expected each key once, found \"" + key + "\" a second time (first on line " +
                   std::to_string(_keyLines[inside]) + ")",
               "remove one of the two");
      _keyLines[inside] = entry.first.Mark().line + 1;
      result[key] = value(entry.second, inside, depth + 1);
      // A mapping's own mark is its first key, on the next line: people look for the line of its name.
      _lines[inside] = entry.first.Mark().line + 1;
    }
    return result;
  }

  /// RFC 6901 section 3.
  static std::string escaped(const std::string& key) {
    std::string result;
    for (const char c : key) {
      if (c == '~')
        result += "~0";
      else if (c == '/')
        result += "~1";
      else
        result += c;
    }
    return result;
  }

  const std::string& _path;
  int _count = 0;
  std::size_t _bytes = 0;
  std::map<std::string, int> _lines, _keyLines;
};

}  // namespace

namespace {

/// Where a document begins; what is in it is not looked at.
class Beginning final : public YAML::EventHandler {
 public:
  YAML::Mark mark;
  void OnDocumentStart(const YAML::Mark& at) override { mark = at; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}
};

/// yaml-cpp 0.7 takes no token where a document begins with a comma, and its LoadAll() makes empty documents
/// of that for ever: so at most two are looked at.
void requireOneDocument(const std::string& text, const Converter& converter) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Beginning first, second;
  if (!parser.HandleNextDocument(first) || !parser.HandleNextDocument(second)) return;
  const auto at = static_cast<std::size_t>(second.mark.pos);
  if (second.mark.pos > first.mark.pos && (at >= text.size() || text[at] != ','))
    converter.refuse(second.mark, "expected one document, found several", "remove the --- between them");
  converter.refuse(second.mark, "expected YAML, found a comma where nothing comes before it", "remove it");
}

}  // namespace

YamlDocument parseYaml(const std::string& text, const std::string& path) {
  Converter converter(path);
  YAML::Node root;
  try {
    requireOneDocument(text, converter);
    root = YAML::Load(text);
  } catch (const YAML::Exception& problem) {
    converter.refuse(problem.mark, "expected YAML, found an error: " + problem.msg,
                     "check indentation (spaces, no tabs), colons and quotes around that line");
  }
  return converter.convert(root);
}

}  // namespace dispatch::config
