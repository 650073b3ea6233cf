#include "content_line.hpp"

#include <algorithm>
#include <optional>

namespace ical {

namespace {

constexpr std::size_t kDeepest = 8;

/// RFC 6868 section 3: what a parameter's value cannot hold otherwise.
std::string decodeParameter(std::string_view raw) {
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '"') continue;
    if (raw[i] != '^' || i + 1 == raw.size()) {
      out += raw[i];
      continue;
    }
    const char next = raw[i + 1];
    if (next == 'n' || next == '^' || next == '\'') {
      out += next == 'n' ? '\n' : next == '^' ? '^' : '"';
      ++i;
    } else {
      out += '^';
    }
  }
  return out;
}

/// `at` is where the parameter or the name ends: the first of `ends` outside quotes.
std::size_t endOf(std::string_view line, std::size_t at, std::string_view ends) {
  bool quoted = false;
  for (; at < line.size(); ++at) {
    if (line[at] == '"') quoted = !quoted;
    if (!quoted && ends.find(line[at]) != std::string_view::npos) return at;
  }
  return line.size();
}

/// Nothing for a line that is none: some calendars break long texts without folding them.
std::optional<Property> parseLine(std::string_view line) {
  std::size_t at = endOf(line, 0, ";:");
  if (at == 0 || at == line.size()) return std::nullopt;
  Property out;
  out.name = upper(line.substr(0, at));
  while (line[at] == ';') {
    const std::size_t end = endOf(line, at + 1, ";:");
    if (end == line.size()) return std::nullopt;
    const std::string_view parameter = line.substr(at + 1, end - at - 1);
    const std::size_t equals = parameter.find('=');
    if (equals != std::string_view::npos)
      out.parameters.emplace_back(upper(parameter.substr(0, equals)),
                                  decodeParameter(parameter.substr(equals + 1)));
    at = end;
  }
  out.value = std::string(line.substr(at + 1));
  return out;
}

/// RFC 5545 section 3.1: a line break and one blank are nothing. Bytes are joined, not characters, as folding
/// may cut one in two.
std::string nextLine(std::string_view& rest) {
  std::string line;
  for (;;) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view piece = rest.substr(0, end);
    if (piece.ends_with('\r')) piece.remove_suffix(1);
    line += piece;
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (rest.empty() || (rest.front() != ' ' && rest.front() != '\t')) return line;
    rest.remove_prefix(1);
  }
}

}  // namespace

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::string_view Property::parameter(std::string_view wanted) const {
  for (const auto& [key, text] : parameters)
    if (key == wanted) return text;
  return {};
}

bool Property::isDate() const { return upper(parameter("VALUE")) == "DATE"; }

const Property* Component::find(std::string_view wanted) const {
  const auto found = std::find_if(properties.begin(), properties.end(),
                                  [&](const Property& one) { return one.name == wanted; });
  return found == properties.end() ? nullptr : &*found;
}

std::string_view Component::value(std::string_view wanted) const {
  const Property* found = find(wanted);
  return found == nullptr ? std::string_view{} : std::string_view(found->value);
}

std::vector<Component> parseStream(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<Component> calendars;
  std::vector<Component> open;
  while (!text.empty()) {
    auto line = parseLine(nextLine(text));
    if (!line) continue;
    if (line->name == "BEGIN") {
      const std::string name = upper(line->value);
      if (open.empty() && name != "VCALENDAR") throw Malformed("it begins with " + name + ", not VCALENDAR");
      if (open.size() == kDeepest) throw Malformed("its components are nested too deeply");
      open.push_back({name, {}, {}});
    } else if (line->name == "END") {
      const std::string name = upper(line->value);
      if (open.empty() || open.back().name != name)
        throw Malformed("END:" + name + " ends no component that was begun");
      Component done = std::move(open.back());
      open.pop_back();
      (open.empty() ? calendars : open.back().components).push_back(std::move(done));
    } else if (open.empty()) {
      throw Malformed("it does not begin with BEGIN:VCALENDAR");
    } else {
      open.back().properties.push_back(std::move(*line));
    }
  }
  if (!open.empty()) throw Malformed("it ends inside a " + open.back().name);
  if (calendars.empty()) throw Malformed("it holds no VCALENDAR");
  return calendars;
}

std::string unescapeText(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 == value.size()) {
      out += value[i];
      continue;
    }
    const char next = value[++i];
    out += next == 'n' || next == 'N' ? '\n' : next;
  }
  return out;
}

std::vector<std::string_view> splitList(std::string_view value, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t end = value.find(separator);
    out.push_back(value.substr(0, end));
    if (end == std::string_view::npos) return out;
    value.remove_prefix(end + 1);
  }
}

}  // namespace ical
