// The mails people get about an incident: plain text, and the same as HTML that reads well in any mail
// program.
#pragma once

#include "base/json.hpp"
#include "incident/subject.hpp"

#include <string>
#include <utility>
#include <vector>

namespace dispatch::incident {

struct Mail {
  std::string subject, text, html;
};

/// What changed, for people: {"Priority", "Low", "High"}.
struct Change {
  std::string field, from, to;
};
/// As a flow's input holds them: `changes`, [{field, from, to}].
std::vector<Change> changesOf(const Json& flowInput);

/// To somebody who takes part: why, and where to go.
Mail welcomeMail(const Subject& subject, const std::string& weblink, const std::string& roles);
/// To those who are told of incidents. Title and description of a restricted one stay unsaid.
Mail notificationMail(const Subject& subject, const std::string& weblink);
Mail changeMail(const Subject& subject, const std::string& weblink, const std::vector<Change>& changes,
                const std::string& who);
Mail roleMail(const Subject& subject, const std::string& weblink, const std::string& role,
              const std::string& who);

std::string escapeHtml(std::string_view text);

/// The email contract's input. `messageId` is made anew: keep the result for every attempt.
Json mailInput(const Mail& mail, const std::string& email, const std::string& name,
               const std::string& replyTo, const std::string& uiUrl);

}  // namespace dispatch::incident
