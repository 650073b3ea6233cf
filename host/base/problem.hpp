#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace dispatch {

/// A refusal that its receiver can act on. Rooms throw it, `api` answers it with the HTTP status of its kind,
/// `cli` prints it. The message says what was checked, what was expected, what was found and how to fix it,
/// and never contains a secret: it is shown to people as it stands.
class Problem : public std::runtime_error {
 public:
  enum class Kind {
    invalid,       ///< 422: the input breaks a rule
    badRequest,    ///< 400: the original's answer for password rules and bad identifiers
    unauthorized,  ///< 401: nobody is logged in
    forbidden,     ///< 403: somebody is, but may not
    notFound,      ///< 404
    conflict,      ///< 409: taken, still referenced, or changed meanwhile
    tooLarge,      ///< 413
    tooMany,       ///< 429: throttled; see retryAfterMs
    unavailable,   ///< 503: the database or a third party is not there now; see retryAfterMs
    internal       ///< 500: a defect of ours; the receiver sees only an id to look up in the log
  };

  /// `location`: path of the offending field, outermost first, e.g. {"body", "project", "name"}; may be
  /// empty.
  Problem(Kind kind, const std::string& message, std::vector<std::string> location = {});

  Problem& withType(std::string type) &;
  Problem&& withType(std::string type) &&;
  Problem&& withRetryAfter(std::uint32_t milliseconds) &&;
  /// A form is refused once, with everything that is wrong with it: further findings of the same refusal.
  Problem& add(Problem other);
  const std::vector<Problem>& others() const noexcept { return _others; }

  Kind kind() const noexcept { return _kind; }
  const std::vector<std::string>& location() const noexcept { return _location; }
  /// The envelope's `type`; "value_error" unless set.
  const std::string& type() const noexcept { return _type; }
  std::uint32_t retryAfterMs() const noexcept { return _retryAfterMs; }

 private:
  Kind _kind;
  std::vector<std::string> _location;
  std::string _type = "value_error";
  std::uint32_t _retryAfterMs = 0;
  std::vector<Problem> _others;
};

}  // namespace dispatch
