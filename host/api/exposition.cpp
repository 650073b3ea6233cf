#include "api/exposition.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace dispatch::api {

namespace {

void escape(std::string& into, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\')
      into += "\\\\";
    else if (c == '\n')
      into += "\\n";
    else if (c == '"' && quotes)
      into += "\\\"";
    else
      into += c;
  }
}

std::string numberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::string(text.data(), end) : "NaN";
}

}  // namespace

Exposition& Exposition::family(const std::string& name, const char* type, std::string_view help) {
  _name = name;
  _text += "# HELP " + name + ' ';
  escape(_text, help, false);
  _text += "\n# TYPE " + name + ' ' + type + '\n';
  return *this;
}

Exposition& Exposition::sample(const Labels& labels, double value, const char* suffix) {
  _text += _name + suffix;
  char before = '{';
  for (const auto& [name, text] : labels) {
    _text += before + name + "=\"";
    escape(_text, text, true);
    _text += '"';
    before = ',';
  }
  if (!labels.empty()) _text += '}';
  _text += ' ' + numberText(value) + '\n';
  return *this;
}

Exposition& Exposition::histogram(const Labels& labels,
                                  const std::vector<std::pair<double, std::uint64_t>>& buckets,
                                  std::uint64_t count, double sum) {
  auto bounded = labels;
  bounded.emplace_back("le", "");
  for (const auto& [bound, below] : buckets) {
    bounded.back().second = numberText(bound);
    sample(bounded, static_cast<double>(below), "_bucket");
  }
  bounded.back().second = "+Inf";
  sample(bounded, static_cast<double>(count), "_bucket");
  sample(labels, sum, "_sum");
  return sample(labels, static_cast<double>(count), "_count");
}

}  // namespace dispatch::api
