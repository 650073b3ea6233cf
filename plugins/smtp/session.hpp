#pragma once

#include "settings.hpp"

#include <dispatch/sdk/email.hpp>
#include <dispatch/sdk/stream.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smtp {

/// A server's reply (RFC 5321 section 4.2).
struct Reply {
  int code = 0;
  std::vector<std::string> lines;  ///< without the code

  bool ok() const { return code >= 200 && code <= 299; }
  bool transient() const { return code >= 400 && code <= 499; }
  /// One line for people: "535 5.7.8 Bad credentials".
  std::string text() const;
};

/// One conversation with an SMTP server. Each step throws Failure; until the mail's last dot has been sent
/// that is never UNCERTAIN, because a server that has not seen it must not deliver (RFC 5321
/// section 4.1.1.4).
class Session {
 public:
  Session(const dispatch::Host& host, const dispatch::Call& call, const Settings& settings);

  /// Each returns the server's words.
  std::string greet();
  std::string secure();  ///< STARTTLS where the settings ask for it; empty: nothing to do
  std::string login();   ///< empty: nothing to do
  dispatch::EmailSent send(const dispatch::EmailSend& mail, std::chrono::system_clock::time_point date);
  void quit() noexcept;

 private:
  Reply read();
  Reply command(std::string_view line);
  Reply command(std::vector<dispatch::Part> parts);
  void hello();
  bool offers(std::string_view keyword) const { return _extensions.contains(keyword); }
  std::string where() const;

  const dispatch::Call& _call;
  const Settings& _settings;
  dispatch::Stream _stream;
  std::map<std::string, std::string, std::less<>>
      _extensions;  ///< EHLO keyword in upper case -> its parameters
};

}  // namespace smtp
