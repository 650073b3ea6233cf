// Reading what people sent: every refusal names the field and what it should be.
#pragma once

#include "base/base.hpp"
#include "store/store.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::incident {

using Location = std::vector<std::string>;

[[noreturn]] void refuseField(const Location& location, const std::string& message);

/// What is wrong in a body, so that it is refused once with all of it.
class Findings {
 public:
  /// Does `read`; what it refuses is kept, and any value goes on in its place.
  template <class Read>
  auto operator()(Read read) -> decltype(read()) {
    try {
      return read();
    } catch (const Problem& problem) {
      keep(problem);
    }
    return {};
  }
  /// Throws what was kept, if anything.
  void refuse() const;

 private:
  void keep(const Problem& problem);
  std::optional<Problem> _all;
};

std::string trimmed(std::string_view text);

/// `body[key]` trimmed; nullopt where it is absent or null. Throws Problem(invalid) where it is not text, or
/// longer than `most` bytes.
std::optional<std::string> optionalText(const Json& body, const char* key, std::size_t most = 65536);
/// The same, and neither absent nor blank.
std::string requiredText(const Json& body, const char* key, std::size_t most = 65536);
std::optional<std::string> optionalChoice(const Json& body, const char* key,
                                          std::initializer_list<std::string_view> legal);
std::optional<std::string> optionalInstant(const Json& body, const char* key);  ///< in storage form

/// `text` as an e-mail address: trimmed, the domain in lower case. Throws Problem(invalid) at `location`.
std::string checkedEmail(std::string_view text, const Location& location);
/// `body[key].individual.email` where somebody is named there.
std::optional<std::string> personIn(const Json& body, const char* key);

}  // namespace dispatch::incident
