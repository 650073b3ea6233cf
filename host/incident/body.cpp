#include "incident/body.hpp"

#include "incident/incident.hpp"

#include <algorithm>
#include <cctype>

namespace dispatch::incident {

void refuseField(const Location& location, const std::string& message) {
  Location full{"body"};
  full.insert(full.end(), location.begin(), location.end());
  throw Problem(Problem::Kind::invalid, message, full);
}

void Findings::keep(const Problem& problem) {
  if (problem.kind() != Problem::Kind::invalid) throw problem;
  if (_all)
    _all->add(problem);
  else
    _all = problem;
}

void Findings::refuse() const {
  if (_all) throw *_all;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
}

std::optional<std::string> optionalText(const Json& body, const char* key, std::size_t most) {
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) return std::nullopt;
  if (!found->is_string())
    refuseField({key}, std::string(key) + " must be text, found " + found->type_name());
  std::string text = trimmed(found->get_ref<const std::string&>());
  if (text.find('\0') != std::string::npos)
    refuseField({key}, std::string(key) + " must be text without NUL characters; send it without");
  if (const auto length = characters(text); length > most)
    refuseField({key}, std::string(key) + " may have at most " + std::to_string(most) +
                           " characters, found " + std::to_string(length));
  return text;
}

std::string requiredText(const Json& body, const char* key, std::size_t most) {
  const auto text = optionalText(body, key, most);
  if (!text) refuseField({key}, std::string(key) + " is required");
  if (text->empty()) refuseField({key}, std::string(key) + " must not be blank");
  return *text;
}

std::optional<std::string> optionalChoice(const Json& body, const char* key,
                                          std::initializer_list<std::string_view> legal) {
  const auto text = optionalText(body, key);
  if (!text || std::find(legal.begin(), legal.end(), *text) != legal.end()) return text;
  std::string names;
  for (const std::string_view one : legal) names += (names.empty() ? "" : ", ") + std::string(one);
  refuseField({key}, std::string(key) + " must be one of " + names + "; found \"" + *text + "\"");
}

std::optional<std::string> optionalInstant(const Json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) return std::nullopt;
  const auto instant = found->is_string()   ? parseInstant(found->get_ref<const std::string&>())
                       : found->is_number() ? parseInstant(found->dump())
                                            : std::nullopt;
  if (!instant) refuseField({key}, std::string(key) + " must be an instant such as 2026-03-01T14:05:00Z");
  return toText(*instant);
}

namespace {

std::string addressIn(std::string_view text, const Location& location) {
  std::string email = trimmed(text);
  const auto at = email.rfind('@');
  const auto wrong = [&] {
    throw Problem(Problem::Kind::invalid,
                  "\"" + email.substr(0, 100) + "\" is not an e-mail address such as ada@example.com",
                  location);
  };
  if (at == std::string::npos || at == 0 || at > 64 || email.size() > 254) wrong();
  for (const char c : email)
    if (static_cast<unsigned char>(c) <= ' ' || c == 127 || c == '<' || c == '>' || c == ',' || c == ';' ||
        c == '"' || c == '\\')
      wrong();
  if (email.find('@') != at) wrong();
  const std::string_view domain = std::string_view(email).substr(at + 1);
  if (domain.empty() || domain.front() == '.' || domain.back() == '.' || domain.front() == '-' ||
      domain.find("..") != std::string_view::npos)
    wrong();
  for (const char c : domain)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.' &&
        static_cast<unsigned char>(c) < 128)
      wrong();
  std::transform(email.begin() + static_cast<std::ptrdiff_t>(at), email.end(),
                 email.begin() + static_cast<std::ptrdiff_t>(at),
                 [](unsigned char c) { return static_cast<char>(c < 128 ? std::tolower(c) : c); });
  return email;
}

}  // namespace

std::string checkedEmail(std::string_view text, const Location& location) {
  Location full{"body"};
  full.insert(full.end(), location.begin(), location.end());
  return addressIn(text, full);
}

void checkEmail(std::string_view address, const Location& location) { addressIn(address, location); }

std::optional<std::string> personIn(const Json& body, const char* key) {
  const auto person = body.find(key);
  if (person == body.end() || person->is_null()) return std::nullopt;
  if (!person->is_object()) refuseField({key}, std::string(key) + " must be an object with individual.email");
  const auto individual = person->find("individual");
  if (individual == person->end() || individual->is_null()) return std::nullopt;
  const std::string email = individual->is_object() ? textOr(*individual, "email") : "";
  if (email.empty()) return std::nullopt;
  return checkedEmail(email, {key, "individual", "email"});
}

}  // namespace dispatch::incident
