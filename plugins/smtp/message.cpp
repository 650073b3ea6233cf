#include "message.hpp"

#include "address.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <vector>

namespace smtp {

namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::size_t lineGoal = 76;

/// One line: control characters, line ends among them, become spaces.
std::string oneLine(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return std::string(dispatch::trim(out));
}

/// CR LF and lone CR become LF; NUL, which no mail may hold, a space.
std::string normalizeLines(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      out += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else {
      out += text[i] == '\0' ? ' ' : text[i];
    }
  }
  if (!out.empty() && out.back() != '\n') out += '\n';
  return out;
}

std::string toCrlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 40);
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

/// RFC 2047: "=?UTF-8?B?…?=" words of at most 75 characters, no character cut in two.
std::string encodedWords(std::string_view text, std::size_t column) {
  constexpr std::string_view open = "=?UTF-8?B?";
  constexpr std::string_view close = "?=";
  std::string out;
  std::string piece;
  // Base64 makes 4 characters of 3 bytes. The first word shares its line with what stands before it.
  const auto room = [&] {
    const std::size_t used = out.empty() ? std::min<std::size_t>(column, 40) : 1;
    return (75 - used - open.size() - close.size()) / 4 * 3;
  };
  const auto flush = [&] {
    if (!out.empty()) out += "\r\n ";
    out += std::string(open) + dispatch::base64Encode(piece) + std::string(close);
    piece.clear();
  };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 1;
    while (i + length < text.size() && (static_cast<unsigned char>(text[i + length]) & 0xC0U) == 0x80U &&
           length < 4)
      ++length;
    if (!piece.empty() && piece.size() + length > room()) flush();
    piece += text.substr(i, length);
    i += length;
  }
  if (!piece.empty()) flush();
  return out;
}

bool hasLongWord(std::string_view text) {
  std::size_t length = 0;
  for (const char c : text) {
    length = c == ' ' ? 0 : length + 1;
    if (length > 60) return true;
  }
  return false;
}

/// Breaks before single spaces so that lines stay near 76 characters; unfolding gives the same text.
std::string fold(std::string_view text, std::size_t column) {
  std::string out;
  std::size_t start = 0;
  while (start < text.size()) {
    std::size_t end = text.find(' ', start + 1);
    while (end != std::string_view::npos &&
           (text[end - 1] == ' ' || (end + 1 < text.size() && text[end + 1] == ' ')))
      end = text.find(' ', end + 1);
    if (end == std::string_view::npos) end = text.size();
    const std::size_t length = end - start;
    if (!out.empty() && column + length > lineGoal && text[start] == ' ') {
      out += crlf;
      column = 0;
    }
    out += text.substr(start, length);
    column += length;
    start = end;
  }
  return out;
}

std::string addressList(const std::string& name, const std::vector<dispatch::Mailbox>& mailboxes) {
  std::string out = name + ":";
  std::size_t column = out.size();
  for (std::size_t i = 0; i < mailboxes.size(); ++i) {
    const std::string mailbox = encodeMailbox(mailboxes[i]) + (i + 1 < mailboxes.size() ? "," : "");
    if (i > 0 && column + mailbox.size() + 1 > lineGoal) {
      out += crlf;
      column = 0;
    }
    out += " " + mailbox;
    const auto lastLine = mailbox.rfind('\n');
    column = lastLine == std::string::npos ? column + 1 + mailbox.size() : mailbox.size() - lastLine - 1;
  }
  return out + std::string(crlf);
}

struct Encoded {
  std::string name;  ///< Content-Transfer-Encoding
  std::string body;  ///< with CR LF
};

/// 7bit where text goes through as it is, else quoted-printable, else (mostly not ASCII) base64.
Encoded encodeBody(const std::string& text) {
  std::size_t high = 0;
  std::size_t line = 0;
  bool plain = true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    line = c == '\n' ? 0 : line + 1;
    if (byte >= 0x80) ++high;
    if (byte >= 0x80 || byte == 0x7F || (byte < 0x20 && c != '\n' && c != '\t') || line > 200) plain = false;
  }
  if (plain) return {"7bit", toCrlf(text)};
  if (high * 3 < text.size()) return {"quoted-printable", toCrlf(quotedPrintable(text))};
  const std::string all = dispatch::base64Encode(toCrlf(text));
  std::string body;
  for (std::size_t i = 0; i < all.size(); i += lineGoal) body += all.substr(i, lineGoal) + std::string(crlf);
  return {"base64", body};
}

std::string part(std::string_view type, const Encoded& content) {
  return "Content-Type: " + std::string(type) +
         "; charset=utf-8\r\nContent-Transfer-Encoding: " + content.name + "\r\n\r\n" + content.body;
}

/// A boundary that occurs in neither part: "=_" cannot stand in quoted-printable or base64, and 7bit is
/// searched.
std::string boundaryFor(const std::string& seed, const std::string& text, const std::string& html) {
  for (std::size_t attempt = 0;; ++attempt) {
    std::array<char, 40> boundary{};
    const std::size_t digest = std::hash<std::string>{}(seed + std::to_string(attempt));
    (void)std::snprintf(boundary.data(), boundary.size(), "=_dispatch_%016zx", digest);
    if (text.find(boundary.data()) == std::string::npos && html.find(boundary.data()) == std::string::npos)
      return boundary.data();
  }
}

}  // namespace

std::string encodeHeaderText(std::string_view text, std::size_t column) {
  const std::string line = oneLine(text);
  if (!isAscii(line) || line.find("=?") != std::string::npos || hasLongWord(line))
    return encodedWords(line, column);
  return fold(line, column);
}

std::string encodeMailbox(const dispatch::Mailbox& mailbox) {
  const std::string name = oneLine(mailbox.name);
  if (name.empty()) return mailbox.email;
  const std::string address = " <" + mailbox.email + ">";
  if (!isAscii(name) || name.find("=?") != std::string::npos || name.size() > 60)
    return encodedWords(name, 10) + address;
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' ||
           c == '-' || c == '_' || c == '\'';
  });
  if (plain) return name + address;
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"" + address;
}

std::string quotedPrintable(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      out += c;
      column = 0;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    const bool lineEnds = i + 1 == text.size() || text[i + 1] == '\n';
    const bool literal = c != '=' && ((byte > 0x20 && byte < 0x7F) || ((c == ' ' || c == '\t') && !lineEnds));
    const std::size_t length = literal ? 1 : 3;
    // 76 characters with the "=" of a soft break, which the last piece of a line does not need.
    if (column + length > (lineEnds ? 76U : 75U)) {
      out += "=\n";
      column = 0;
    }
    if (literal) {
      out += c;
    } else {
      out += '=';
      out += hex[byte >> 4U];
      out += hex[byte & 15U];
    }
    column += length;
  }
  return out;
}

std::string formatDate(std::chrono::system_clock::time_point date) {
  using namespace std::chrono;
  constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<std::chrono::days>(date);
  const year_month_day ymd(day);
  const hh_mm_ss time(floor<seconds>(date - day));
  std::array<char, 64> out{};
  (void)std::snprintf(out.data(), out.size(), "%s, %u %s %d %02d:%02d:%02d +0000",
                      days[weekday(day).c_encoding()], static_cast<unsigned>(ymd.day()),
                      months[static_cast<unsigned>(ymd.month()) - 1], static_cast<int>(ymd.year()),
                      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                      static_cast<int>(time.seconds().count()));
  return out.data();
}

std::string composeMessage(const dispatch::EmailSend& mail, const Sender& sender,
                           std::chrono::system_clock::time_point date) {
  std::string out = "Date: " + formatDate(date) + "\r\n";
  out += addressList("From", {{sender.address, sender.name}});
  out += addressList("To", mail.to);
  const std::string replyTo = mail.replyTo.empty() ? sender.replyTo : mail.replyTo;
  if (!replyTo.empty()) out += addressList("Reply-To", {{replyTo, ""}});
  out += "Subject: " + encodeHeaderText(mail.subject, 9) + "\r\n";
  out += "Message-ID: " + mail.messageId + "\r\n";
  // RFC 3834: vacation programs do not answer this.
  out += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n";

  const Encoded text = encodeBody(normalizeLines(mail.text));
  if (mail.html.empty()) return out + part("text/plain", text);
  const Encoded html = encodeBody(normalizeLines(mail.html));
  const std::string boundary = boundaryFor(mail.messageId, text.body, html.body);
  out += "Content-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n";
  out += "--" + boundary + "\r\n" + part("text/plain", text) + "\r\n";
  out += "--" + boundary + "\r\n" + part("text/html", html) + "\r\n";
  return out + "--" + boundary + "--\r\n";
}

std::string stuffDots(std::string_view message) {
  std::string out;
  out.reserve(message.size() + 16);
  bool lineBegins = true;
  for (const char c : message) {
    if (lineBegins && c == '.') out += '.';
    out += c;
    lineBegins = c == '\n';
  }
  return out;
}

}  // namespace smtp
