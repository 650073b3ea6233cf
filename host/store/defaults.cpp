#include "store/defaults.hpp"

#include "base/time.hpp"

#include <Poco/TextIterator.h>
#include <Poco/UTF8Encoding.h>

#include <map>

namespace dispatch::store {
namespace {

struct Priority {
  const char* name;
  const char* description;
  const char* color;
  std::int64_t tacticalHours, executiveHours;
  bool pageCommander, isDefault;
};

constexpr Priority kPriorities[] = {
    {"Low", "Can wait for working hours.", "#66bb6a", 12, 9999, false, true},
    {"Medium", "Needs people now, also outside of working hours while it is not stable.", "#ffa726", 6, 12,
     false, false},
    {"High", "Needs everybody's attention around the clock until it is stable.", "#e53935", 2, 6, true,
     false},
};

struct Severity {
  const char* name;
  const char* description;
  const char* color;
  bool allowedForStable, isDefault;
};

constexpr Severity kSeverities[] = {
    {"Undetermined", "The impact is not known yet.", "#9e9e9e", false, true},
    {"Low", "Little impact, few people concerned.", "#66bb6a", true, false},
    {"Medium", "Noticeable impact on some people or services.", "#ffca28", true, false},
    {"High", "Considerable impact on many people or an important service.", "#fb8c00", true, false},
    {"Critical", "The business is at stake.", "#b71c1c", true, false},
};

/// Plain forms of U+00C0 to U+017F, in lower case; '\0' stands for a separator, capitals in the text for two
/// letters (A = ae, O = oe, S = ss, T = th, I = ij).
// clang-format off
constexpr char kLatin[] =
    "aaaaaa" "A" "c" "eeee" "iiii" "d" "n" "ooooo" "\0" "o" "uuuu" "y" "T" "S"  // U+00C0
    "aaaaaa" "A" "c" "eeee" "iiii" "d" "n" "ooooo" "\0" "o" "uuuu" "y" "T" "y"  // U+00E0
    "aaaaaa" "cccccccc" "dddd" "eeeeeeeeee" "gggggggg" "hhhh" "iiiiiiiiii" "II" "jj" "kkk" "llllllllll"  // U+0100
    "nnnnnnnnn" "oooooo" "OO" "rrrrrr" "ssssssss" "tttttt" "uuuuuuuuuuuu" "ww" "yyy" "zzzzzz" "s";  // U+0143
// clang-format on
static_assert(sizeof kLatin - 1 == 0x180 - 0xC0);

void appendLatin(std::string& slug, int code) {
  switch (const char plain = kLatin[code - 0xC0]) {
    case 'A':
      slug += "ae";
      break;
    case 'O':
      slug += "oe";
      break;
    case 'S':
      slug += "ss";
      break;
    case 'T':
      slug += "th";
      break;
    case 'I':
      slug += "ij";
      break;
    default:
      slug += plain;
  }
}

}  // namespace

std::string slugOf(std::string_view name, char separator) {
  const std::string text(name);
  const Poco::UTF8Encoding utf8;
  std::string plain;
  for (Poco::TextIterator at(text, utf8), end(text); at != end; ++at) {
    const int code = *at;
    if (code >= 'A' && code <= 'Z')
      plain += static_cast<char>(code + 32);
    else if ((code >= 'a' && code <= 'z') || (code >= '0' && code <= '9'))
      plain += static_cast<char>(code);
    else if (code >= 0xC0 && code < 0x180)
      appendLatin(plain, code);
    else if (code != '\'' && code != 0x2019)
      plain += '\0';  // "Ann's" is one word
  }
  std::string slug;
  for (const char c : plain) {
    if (c != '\0')
      slug += c;
    else if (!slug.empty() && slug.back() != separator)
      slug += separator;
  }
  while (!slug.empty() && slug.back() == separator) slug.pop_back();
  return slug.empty() ? "x" : slug;
}

void seedProject(Session& session, std::int64_t organizationId, std::int64_t projectId) {
  const std::string now = nowText();
  session.insert("incident_type", {{"organization_id", organizationId},
                                   {"project_id", projectId},
                                   {"name", std::string("Default")},
                                   {"slug", std::string("default")},
                                   {"description", std::string("For incidents of no particular type.")},
                                   {"visibility", std::string("Open")},
                                   {"enabled", true},
                                   {"default", true},
                                   {"created_at", now},
                                   {"updated_at", now}});
  std::int64_t order = 0;
  for (const Priority& priority : kPriorities)
    session.insert("incident_priority", {{"organization_id", organizationId},
                                         {"project_id", projectId},
                                         {"name", std::string(priority.name)},
                                         {"description", std::string(priority.description)},
                                         {"color", std::string(priority.color)},
                                         {"tactical_report_reminder", priority.tacticalHours},
                                         {"executive_report_reminder", priority.executiveHours},
                                         {"page_commander", priority.pageCommander},
                                         {"enabled", true},
                                         {"default", priority.isDefault},
                                         {"view_order", ++order},
                                         {"created_at", now},
                                         {"updated_at", now}});
  order = 0;
  for (const Severity& severity : kSeverities)
    session.insert("incident_severity", {{"organization_id", organizationId},
                                         {"project_id", projectId},
                                         {"name", std::string(severity.name)},
                                         {"description", std::string(severity.description)},
                                         {"color", std::string(severity.color)},
                                         {"allowed_for_stable_incidents", severity.allowedForStable},
                                         {"enabled", true},
                                         {"default", severity.isDefault},
                                         {"view_order", ++order},
                                         {"created_at", now},
                                         {"updated_at", now}});
}

std::int64_t createProject(Session& session, std::int64_t organizationId, const std::string& name,
                           const std::vector<std::pair<std::string, Value>>& columns) {
  const std::string now = nowText();
  std::map<std::string, Value> all{{"organization_id", organizationId},
                                   {"name", name},
                                   {"slug", slugOf(name)},
                                   {"display_name", name},
                                   {"created_at", now},
                                   {"updated_at", now}};
  for (const auto& [column, value] : columns) all[column] = value;
  const std::int64_t project =
      session.insert("project", std::vector<std::pair<std::string, Value>>(all.begin(), all.end()));
  seedProject(session, organizationId, project);
  return project;
}

void ensureDefaults(Database& database) {
  database.transact([](Session& session) {
    const std::string now = nowText();
    // Of two hosts at once the second waits here for the first, and then finds it done.
    session.execute(
        "INSERT INTO organization (name, slug, description, \"default\", created_at, updated_at) "
        "VALUES ('default', 'default', 'The first organization.', TRUE, ?, ?) ON CONFLICT DO NOTHING",
        {now, now});
    const auto organization = session.one("SELECT id FROM organization WHERE slug = 'default'");
    if (!organization) return;  // an operator renamed it
    const std::int64_t id = organization->integer("id");
    if (session.one("SELECT id FROM project WHERE organization_id = ? LIMIT 1", {id})) return;
    createProject(session, id, "default",
                  {{"default", true},
                   {"description", std::string("The first project.")},
                   {"color", std::string("#1976d2")}});
  });
}

}  // namespace dispatch::store
