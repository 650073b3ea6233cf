#pragma once

#include "content_line.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace ical {

struct Person {
  std::string email;
  std::string name;  ///< empty where the calendar has none
};

/// Where in an event the person on call stands.
enum class Where { automatic, attendee, organizer, summary, description };
/// The word of the settings: "auto", "attendee", …; nothing for another.
std::optional<Where> whereOf(std::string_view word);

/// Automatic: the first attendee, else an address in the title, else one in the description. Never the
/// organizer, who is often only the one that keeps the calendar.
std::optional<Person> personIn(const Component& event, Where where);

/// The first e-mail address in a text; its name is what stands before it where it is in angle brackets.
std::optional<Person> personInText(std::string_view text);

}  // namespace ical
