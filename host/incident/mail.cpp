#include "incident/mail.hpp"

#include "base/base.hpp"

#include <cctype>

namespace dispatch::incident {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

/// One line without control characters: what becomes a header.
std::string oneLine(const std::string& text, std::size_t most = 200) {
  std::string line;
  for (const char c : text) line += static_cast<unsigned char>(c) < ' ' || c == 127 ? ' ' : c;
  if (line.size() <= most) return line;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return line.substr(0, end) + "…";
}

std::string paragraphs(const std::string& text) {
  std::string html = escapeHtml(text), out;
  for (const char c : html) out += c == '\n' ? std::string("<br>") : std::string(1, c);
  return out;
}

std::string colourOf(const Subject& subject) {
  if (subject.status == "Closed") return "#546e7a";
  if (subject.status == "Stable") return "#2e7d32";
  return "#c62828";
}

std::string prefix(const Subject& subject) {
  if (subject.kind == "drill") return "[DRILL] ";
  if (subject.kind == "test") return "[TEST] ";
  return "";
}

struct Letter {
  std::string headline, opening, body, closing;
  Facts facts;
};

Mail compose(const Subject& subject, const std::string& weblink, const std::string& line,
             const Letter& letter) {
  Mail mail;
  mail.subject = oneLine(prefix(subject) + line);
  mail.text = letter.headline + "\n" + std::string(std::min<std::size_t>(letter.headline.size(), 72), '=') +
              "\n\n" + letter.opening + "\n";
  if (!letter.body.empty()) mail.text += "\n" + letter.body + "\n";
  mail.text += "\n";
  for (const auto& [name, value] : letter.facts) mail.text += name + ": " + value + "\n";
  mail.text += "\nOpen the incident: " + weblink + "\n";
  if (!letter.closing.empty()) mail.text += "\n" + letter.closing + "\n";

  std::string rows;
  for (const auto& [name, value] : letter.facts)
    rows += "<tr><td style=\"padding:6px 16px 6px 0;color:#5f6b76;white-space:nowrap;vertical-align:top\">" +
            escapeHtml(name) + "</td><td style=\"padding:6px 0;color:#1c2329\">" + paragraphs(value) +
            "</td></tr>";
  mail.html =
      "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\">"
      "<meta name=\"color-scheme\" content=\"light\"><title>" +
      escapeHtml(mail.subject) +
      "</title></head><body style=\"margin:0;padding:24px "
      "12px;background:#f2f4f6;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
      "font-size:15px;line-height:1.5;color:#1c2329\"><table role=\"presentation\" width=\"100%\" "
      "cellpadding=\"0\" cellspacing=\"0\"><tr><td align=\"center\">"
      "<table role=\"presentation\" width=\"600\" cellpadding=\"0\" cellspacing=\"0\" "
      "style=\"width:100%;max-width:600px;background:#ffffff;border-radius:8px;"
      "border-top:6px solid " +
      colourOf(subject) +
      "\"><tr><td style=\"padding:24px 28px\">"
      "<p style=\"margin:0 0 4px;color:#5f6b76;font-size:13px\">" +
      escapeHtml(subject.name) + " &middot; " + escapeHtml(subject.status) +
      "</p><h1 style=\"margin:0 0 16px;font-size:21px;line-height:1.3\">" + escapeHtml(letter.headline) +
      "</h1>"
      "<p style=\"margin:0 0 16px\">" +
      paragraphs(letter.opening) + "</p>" +
      (letter.body.empty()
           ? std::string()
           : "<p style=\"margin:0 0 16px;padding:12px 16px;background:#f7f8f9;border-radius:6px\">" +
                 paragraphs(letter.body) + "</p>") +
      "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" style=\"margin:0 0 "
      "20px;font-size:14px\">" +
      rows +
      "</table>"
      "<p style=\"margin:0 0 8px\"><a href=\"" +
      escapeHtml(weblink) +
      "\" style=\"display:inline-block;padding:10px "
      "20px;background:#1565c0;color:#ffffff;border-radius:6px;text-decoration:none;font-weight:600\">"
      "Open the incident</a></p>" +
      (letter.closing.empty() ? std::string()
                              : "<p style=\"margin:16px 0 0;color:#5f6b76;font-size:13px\">" +
                                    paragraphs(letter.closing) + "</p>") +
      "</td></tr></table></td></tr></table></body></html>";
  return mail;
}

Facts facts(const Subject& subject) {
  Facts list{{"Status", subject.status},           {"Type", subject.type.name},
             {"Severity", subject.severity.name},  {"Priority", subject.priority.name},
             {"Commander", subject.commanderName}, {"Reporter", subject.reporterName},
             {"Project", subject.projectTitle}};
  if (!subject.ticketWeblink.empty())
    list.emplace_back("Ticket", subject.ticketId + " " + subject.ticketWeblink);
  return list;
}

std::string shownTitle(const Subject& subject) {
  return subject.restricted() ? subject.type.name : subject.title;
}

/// The host of the UI's address, for message ids.
std::string domainOf(const std::string& uiUrl) {
  std::string rest = uiUrl;
  if (const auto scheme = rest.find("://"); scheme != std::string::npos) rest = rest.substr(scheme + 3);
  std::string domain;
  for (const char c : rest) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-') break;
    domain += c;
  }
  return domain.empty() ? "dispatch.localhost" : domain;
}

}  // namespace

std::vector<Change> changesOf(const Json& flowInput) {
  std::vector<Change> changes;
  for (const Json& one : flowInput.value("changes", Json::array()))
    changes.push_back({textOr(one, "field"), textOr(one, "from"), textOr(one, "to")});
  return changes;
}

std::string escapeHtml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

Mail welcomeMail(const Subject& subject, const std::string& weblink, const std::string& roles) {
  Letter letter;
  letter.headline = subject.title;
  letter.opening = "You take part in incident " + subject.name + (roles.empty() ? "." : " as " + roles + ".");
  letter.body = subject.description;
  letter.facts = facts(subject);
  letter.closing = subject.restricted()
                       ? "This incident is restricted: speak of it only with those who take part in it."
                       : "";
  return compose(subject, weblink, subject.name + ": " + subject.title, letter);
}

Mail notificationMail(const Subject& subject, const std::string& weblink) {
  Letter letter;
  letter.headline = shownTitle(subject);
  letter.opening = "A new incident has been reported by " + subject.reporterName + ".";
  letter.body = subject.restricted() ? "" : subject.description;
  letter.facts = facts(subject);
  return compose(subject, weblink, "New incident " + subject.name + ": " + shownTitle(subject), letter);
}

Mail changeMail(const Subject& subject, const std::string& weblink, const std::vector<Change>& changes,
                const std::string& who) {
  Letter letter;
  letter.headline = shownTitle(subject);
  letter.opening = who + " has changed incident " + subject.name + ".";
  std::string line;
  for (const Change& one : changes) {
    letter.body += (letter.body.empty() ? "" : "\n") + one.field + ": " + one.from + " → " + one.to;
    line += (line.empty() ? "" : ", ") + one.field + " " + one.to;
  }
  letter.facts = facts(subject);
  return compose(subject, weblink, subject.name + " - " + line + ": " + shownTitle(subject), letter);
}

Mail roleMail(const Subject& subject, const std::string& weblink, const std::string& role,
              const std::string& who) {
  Letter letter;
  letter.headline = subject.title;
  letter.opening = who + " has given you the role of " + role + " in incident " + subject.name + ".";
  letter.body = subject.description;
  letter.facts = facts(subject);
  return compose(subject, weblink, subject.name + ": you are " + role, letter);
}

Json mailInput(const Mail& mail, const std::string& email, const std::string& name,
               const std::string& replyTo, const std::string& uiUrl) {
  Json to{{"email", email}};
  if (!name.empty() && name != email) to["name"] = oneLine(name, 100);
  Json input{{"message_id", "<" + randomUuid() + "@" + domainOf(uiUrl) + ">"},
             {"to", Json::array({to})},
             {"subject", mail.subject},
             {"text", mail.text},
             {"html", mail.html}};
  if (!replyTo.empty() && replyTo != email) input["reply_to"] = replyTo;
  return input;
}

}  // namespace dispatch::incident
