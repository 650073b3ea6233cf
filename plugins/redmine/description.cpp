#include "description.hpp"

#include <algorithm>

namespace redmine {

namespace {

constexpr std::string_view endMark = "-- until here it is kept by Dispatch --";
constexpr std::size_t longestDescription = 30'000;  // bytes of an incident's own; an issue may be longer

/// Lines end as Dispatch writes them; Redmine gives them back with CR LF (HTML forms).
std::string unixLines(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') out += text[i];
  return out;
}

std::string cut(std::string_view text) {
  if (text.size() <= longestDescription) return std::string(text);
  std::size_t end = longestDescription;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "\n...";
}

/// What somebody reported, as they wrote it: neither markup, nor an image from elsewhere, nor a mark of ours.
std::string verbatim(std::string_view text, Markup markup) {
  std::string body = unixLines(cut(text));
  // A line that reads like a mark would end the part early.
  for (std::size_t at = 0; (at = body.find("-- ", at)) != std::string::npos; at += 3)
    if (at == 0 || body[at - 1] == '\n') body.replace(at, 2, "\xE2\x80\x94");
  if (markup == Markup::textile) {
    // Inside <pre> only its own end means something.
    for (std::size_t at = 0; (at = dispatch::lower(body).find("</pre", at)) != std::string::npos; at += 6)
      body.insert(at + 1, " ");
    return "<pre>\n" + body + "\n</pre>\n";
  }
  // CommonMark section 4.5: a fence ends at one that is at least as long.
  std::size_t longest = 2, run = 0;
  for (const char c : body) longest = std::max(longest, run = c == '~' ? run + 1 : 0);
  const std::string fence(longest + 1, '~');
  return fence + "\n" + body + "\n" + fence + "\n";
}

/// A name in a line of its own: what would be markup is set apart by a character without width.
std::string plain(std::string_view text) {
  constexpr std::string_view special = "*_+-@^~`!\"[]{}|<>#\\";
  std::string out;
  for (const char c : dispatch::quoteLine(text, 500)) {
    if (special.find(c) != std::string_view::npos) out += "\xE2\x80\x8B";
    out += c;
  }
  return out;
}

/// Where the part of `incident` begins and ends in `text`; npos: it has none.
std::pair<std::size_t, std::size_t> placeOf(std::string_view text, const dispatch::Incident& incident) {
  const std::string mark = markOf(incident);
  for (std::size_t at = 0; (at = text.find(mark, at)) != std::string_view::npos; at += mark.size()) {
    const std::size_t after = at + mark.size();
    if ((at != 0 && text[at - 1] != '\n') || (after < text.size() && text[after] != '\n')) continue;
    const auto end = text.find("\n" + std::string(endMark), after);
    return {at, end == std::string_view::npos ? after : end + 1 + endMark.size()};
  }
  return {std::string_view::npos, std::string_view::npos};
}

}  // namespace

std::string markOf(const dispatch::Incident& incident) {
  return "-- Incident " + incident.name + ", kept up to date by Dispatch --";
}

std::string partOf(const dispatch::Incident& incident, const dispatch::Json& links, Markup markup) {
  std::string out = markOf(incident) + "\n\n";
  const auto fact = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += std::string("* ") + name + ": " + plain(value) + "\n";
  };
  fact("Status", incident.status);
  fact("Type", incident.type);
  fact("Severity", incident.severity);
  fact("Priority", incident.priority);
  std::string tags;
  for (const auto& tag : incident.tags) tags += (tags.empty() ? "" : ", ") + tag;
  fact("Tags", tags);
  // An address is a link in either markup as it stands.
  if (!incident.weblink.empty()) out += "* Incident: " + incident.weblink + "\n";
  for (const auto& [name, address] : links.items())
    if (address.is_string() && !address.get_ref<const std::string&>().empty())
      out += "* " + plain(name) + ": " + dispatch::quoteLine(address.get<std::string>(), 2000) + "\n";
  if (!incident.description.empty()) out += "\n" + verbatim(incident.description, markup);
  return out + "\n" + std::string(endMark);
}

bool isMarked(std::string_view description, const dispatch::Incident& incident) {
  return placeOf(unixLines(description), incident).first != std::string_view::npos;
}

std::string withPart(std::string_view description, const dispatch::Incident& incident,
                     std::string_view part) {
  std::string text = unixLines(description);
  const auto [begin, end] = placeOf(text, incident);
  if (begin == std::string_view::npos) return (text.empty() ? "" : text + "\n\n") + std::string(part);
  return text.replace(begin, end - begin, part);
}

}  // namespace redmine
