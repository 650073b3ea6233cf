#include "filter.hpp"

#include "ber.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace ldap {

namespace {

namespace tag = ber::tag;

bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool isDigit(char c) { return c >= '0' && c <= '9'; }

/// An attribute description or the name of a matching rule (RFC 4512 sections 1.4 and 2.5).
bool isDescription(std::string_view text) {
  if (text.empty() || !(isLetter(text.front()) || isDigit(text.front()))) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return isLetter(c) || isDigit(c) || c == '-' || c == '.' || c == ';' || c == '_';
  });
}

std::string escaped(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || c == '*' || c == '(' || c == ')' || c == '\\')
      out += {'\\', hex[byte >> 4U], hex[byte & 15U]};
    else
      out += c;
  }
  return out;
}

int hexValue(char c) {
  if (isDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

class Filter::Parser {
 public:
  explicit Parser(std::string_view text) : _text(text) {}

  Filter whole() {
    Filter out = filter(0);
    skipSpace();
    if (_at < _text.size()) fail("goes on after its end");
    return out;
  }

 private:
  static constexpr int deepest = 20;

  [[noreturn]] void fail(const std::string& what) const {
    throw std::invalid_argument("it " + what + " at character " + std::to_string(_at + 1));
  }
  void skipSpace() {
    while (_at < _text.size() &&
           (_text[_at] == ' ' || _text[_at] == '\t' || _text[_at] == '\n' || _text[_at] == '\r'))
      ++_at;
  }
  bool next(char c) {
    if (_at >= _text.size() || _text[_at] != c) return false;
    ++_at;
    return true;
  }

  Filter filter(int depth) {
    if (depth > deepest) fail("is nested more than " + std::to_string(deepest) + " deep");
    skipSpace();
    if (!next('(')) fail("lacks a \"(\"");
    Filter out(Kind::all);
    if (next('&') || next('|')) {
      if (_text[_at - 1] == '|') out._kind = Kind::any;
      for (skipSpace(); _at < _text.size() && _text[_at] == '('; skipSpace())
        out._parts.push_back(filter(depth + 1));
    } else if (next('!')) {
      out._kind = Kind::no;
      out._parts.push_back(filter(depth + 1));
      skipSpace();
    } else {
      out = item();
    }
    if (!next(')')) fail("lacks a \")\"");
    return out;
  }

  Filter item() {
    Filter out(Kind::equal);
    const auto equals = _text.find('=', _at);
    if (equals == std::string_view::npos) fail("has no \"=\"");
    std::string_view left = _text.substr(_at, equals - _at);
    if (!left.empty() && left.back() == ':') {
      out._kind = Kind::matching;
      left.remove_suffix(1);
      matching(left, out);
    } else {
      if (!left.empty() && (left.back() == '>' || left.back() == '<' || left.back() == '~')) {
        out._kind = left.back() == '>'   ? Kind::atLeast
                    : left.back() == '<' ? Kind::atMost
                                         : Kind::approximately;
        left.remove_suffix(1);
      }
      if (!isDescription(left)) fail("has no attribute before \"=\"");
      out._attribute = left;
    }
    _at = equals + 1;
    out._values.push_back(value());
    while (out._kind == Kind::equal || out._kind == Kind::substrings) {
      if (!next('*')) break;
      out._kind = Kind::substrings;
      out._values.push_back(value());
    }
    if (out._kind != Kind::substrings) return out;
    // What two stars enclose without anything between them says no more than one star.
    auto& values = out._values;
    values.erase(
        std::remove_if(values.begin() + 1, values.end() - 1, [](const Value& one) { return one.empty(); }),
        values.end() - 1);
    if (values.size() == 2 && values[0].empty() && values[1].empty()) {
      out._kind = Kind::present;
      values.clear();
    }
    return out;
  }

  /// "attribute:dn:rule", of which some may be missing.
  void matching(std::string_view left, Filter& out) const {
    const auto colon = left.find(':');
    out._attribute = left.substr(0, colon);
    std::string_view rest = colon == std::string_view::npos ? std::string_view() : left.substr(colon + 1);
    if (rest == "dn" || rest.starts_with("dn:")) {
      out._ofDn = true;
      rest.remove_prefix(std::min<std::size_t>(rest.size(), 3));
    }
    out._rule = rest;
    const bool sound = (out._attribute.empty() || isDescription(out._attribute)) &&
                       (out._rule.empty() || isDescription(out._rule)) &&
                       !(out._attribute.empty() && out._rule.empty());
    if (!sound) fail("has neither an attribute nor a matching rule before \":=\"");
  }

  /// Up to a star, a parenthesis or the end.
  Value value() {
    Value out;
    const auto add = [&](char c) {
      if (out.empty() || out.back().isPlaceholder) out.push_back({});
      out.back().text += c;
    };
    while (_at < _text.size() && _text[_at] != ')' && _text[_at] != '(' && _text[_at] != '*') {
      if (_text[_at] == '\\') {
        const int high = _at + 2 < _text.size() ? hexValue(_text[_at + 1]) : -1;
        const int low = high < 0 ? -1 : hexValue(_text[_at + 2]);
        if (low < 0) fail("has a \"\\\" without two hexadecimal digits");
        add(static_cast<char>(high * 16 + low));
        _at += 3;
      } else if (const auto name = placeholder(); name) {
        out.push_back({true, std::string(*name)});
        _at += name->size() + 2;
      } else {
        add(_text[_at++]);
      }
    }
    return out;
  }

  std::optional<std::string_view> placeholder() const {
    if (_text[_at] != '{') return std::nullopt;
    const auto end = _text.find('}', _at);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view name = _text.substr(_at + 1, end - _at - 1);
    const bool word = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return isLetter(c) || isDigit(c) || c == '_';
    });
    return word ? std::optional(name) : std::nullopt;
  }

  std::string_view _text;
  std::size_t _at = 0;
};

Filter Filter::parse(std::string_view text) { return Parser(text).whole(); }

Filter Filter::equal(std::string attribute, std::string value) {
  Filter out(Kind::equal);
  out._attribute = std::move(attribute);
  out._values = {{{false, std::move(value)}}};
  return out;
}

Filter Filter::anyOf(std::vector<Filter> filters) {
  Filter out(Kind::any);
  out._parts = std::move(filters);
  return simplified(std::move(out));
}

Filter Filter::allOf(std::vector<Filter> filters) {
  Filter out(Kind::all);
  out._parts = std::move(filters);
  return simplified(std::move(out));
}

std::set<std::string> Filter::placeholders() const {
  std::set<std::string> out;
  for (const Filter& part : _parts) out.merge(part.placeholders());
  for (const Value& value : _values)
    for (const Piece& piece : value)
      if (piece.isPlaceholder) out.insert(piece.text);
  return out;
}

std::string Filter::firstPlaceholder() const {
  for (const Value& value : _values)
    for (const Piece& piece : value)
      if (piece.isPlaceholder) return piece.text;
  return {};
}

Filter Filter::with(const std::string& placeholder, const std::string& value) const {
  Filter out = *this;
  for (Value& one : out._values)
    for (Piece& piece : one)
      if (piece.isPlaceholder && piece.text == placeholder) piece = {false, value};
  return out;
}

Filter Filter::fill(const Values& values) const {
  if (_kind == Kind::all || _kind == Kind::any || _kind == Kind::no) {
    Filter out(_kind);
    for (const Filter& part : _parts) out._parts.push_back(part.fill(values));
    return simplified(std::move(out));
  }
  const std::string name = firstPlaceholder();
  if (name.empty()) return *this;
  Filter out(Kind::any);
  if (const auto found = values.find(name); found != values.end())
    for (const std::string& value : found->second)
      if (!value.empty()) out._parts.push_back(with(name, value).fill(values));
  return simplified(std::move(out));
}

Filter Filter::simplified(Filter filter) {
  const Filter nothing(Kind::any), everything(Kind::all);
  const auto isEverything = [](const Filter& one) { return one._kind == Kind::all && one._parts.empty(); };
  const auto isNothing = [](const Filter& one) { return one.isNothing(); };
  auto& parts = filter._parts;
  if (filter._kind == Kind::no) {
    if (isNothing(parts.front())) return everything;
    return isEverything(parts.front()) ? nothing : filter;
  }
  const bool all = filter._kind == Kind::all;
  if (all ? std::any_of(parts.begin(), parts.end(), isNothing)
          : std::any_of(parts.begin(), parts.end(), isEverything))
    return all ? nothing : everything;
  if (all)
    std::erase_if(parts, isEverything);
  else
    std::erase_if(parts, isNothing);
  if (parts.size() != 1) return filter;
  Filter only = std::move(parts.front());
  return only;
}

std::string Filter::bytesOf(const Value& value) {
  std::string out;
  for (const Piece& piece : value) out += piece.isPlaceholder ? "{" + piece.text + "}" : piece.text;
  return out;
}

std::string Filter::textOf(const Value& value) {
  std::string out;
  for (const Piece& piece : value) out += piece.isPlaceholder ? "{" + piece.text + "}" : escaped(piece.text);
  return out;
}

std::string Filter::text() const {
  std::string out = "(";
  switch (_kind) {
    case Kind::all:
    case Kind::any:
    case Kind::no:
      out += _kind == Kind::all ? "&" : _kind == Kind::any ? "|" : "!";
      for (const Filter& part : _parts) out += part.text();
      return out + ")";
    case Kind::present:
      return out + _attribute + "=*)";
    case Kind::substrings:
      out += _attribute + "=";
      for (std::size_t i = 0; i < _values.size(); ++i) out += (i > 0 ? "*" : "") + textOf(_values[i]);
      return out + ")";
    case Kind::matching:
      out += _attribute + (_ofDn ? ":dn" : "") + (_rule.empty() ? "" : ":" + _rule) + ":=";
      break;
    case Kind::equal:
      out += _attribute + "=";
      break;
    case Kind::atLeast:
      out += _attribute + ">=";
      break;
    case Kind::atMost:
      out += _attribute + "<=";
      break;
    case Kind::approximately:
      out += _attribute + "~=";
      break;
  }
  return out + textOf(_values.front()) + ")";
}

std::string Filter::encode() const {
  const auto choice = [](unsigned number) {
    return static_cast<ber::Tag>(tag::context(number) | tag::constructed);
  };
  const auto assertion = [&](unsigned number) {
    return ber::encode(choice(number), ber::encode(tag::octetString, _attribute) +
                                           ber::encode(tag::octetString, bytesOf(_values.front())));
  };
  std::string inside;
  for (const Filter& part : _parts) inside += part.encode();
  switch (_kind) {
    case Kind::all:
      // Not every server knows the empty ones of RFC 4526; each entry has an object class.
      return _parts.empty() ? ber::encode(tag::context(7), "objectClass") : ber::encode(choice(0), inside);
    case Kind::any:
      return _parts.empty() ? ber::encode(choice(2), ber::encode(tag::context(7), "objectClass"))
                            : ber::encode(choice(1), inside);
    case Kind::no:
      return ber::encode(choice(2), inside);
    case Kind::equal:
      return assertion(3);
    case Kind::substrings:
      for (std::size_t i = 0; i < _values.size(); ++i)
        if (!_values[i].empty())
          inside += ber::encode(tag::context(i == 0                   ? 0
                                             : i + 1 < _values.size() ? 1
                                                                      : 2),
                                bytesOf(_values[i]));
      return ber::encode(choice(4),
                         ber::encode(tag::octetString, _attribute) + ber::encode(tag::sequence, inside));
    case Kind::atLeast:
      return assertion(5);
    case Kind::atMost:
      return assertion(6);
    case Kind::present:
      return ber::encode(tag::context(7), _attribute);
    case Kind::approximately:
      return assertion(8);
    case Kind::matching:
      if (!_rule.empty()) inside += ber::encode(tag::context(1), _rule);
      if (!_attribute.empty()) inside += ber::encode(tag::context(2), _attribute);
      inside += ber::encode(tag::context(3), bytesOf(_values.front()));
      if (_ofDn) inside += ber::encodeBoolean(true, tag::context(4));
      return ber::encode(choice(9), inside);
  }
  return {};
}

}  // namespace ldap
