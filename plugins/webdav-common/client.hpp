#pragma once

#include "path.hpp"

#include <dispatch/sdk/config.hpp>
#include <dispatch/sdk/http.hpp>
#include <dispatch/sdk/types.hpp>

#include <string>
#include <string_view>

namespace webdav {

enum class Kind { nothing, folder, document };

/// What a request may have done where its answer does not tell.
enum class Asked { reads, repeatable, acts };

/// Some servers answer a request for a folder without its "/" by sending us there.
bool sendsToFolder(const dispatch::HttpResponse& answer);

/// A WebDAV server (RFC 4918) as both plugins have it in their settings: base_url, username, password, and
/// public_url where it is set. Paths are those of path.hpp, below the base address. [any-thread]
class Client {
 public:
  /// Throws Failure(INVALID) with the setting and what to change.
  Client(const dispatch::Host& host, const dispatch::Config& config);

  std::string urlOf(std::string_view path) const { return _baseUrl + encodedPath(path); }
  std::string weblinkOf(std::string_view path) const { return _publicUrl + encodedPath(path); }

  /// A request that carries the login (HTTP Basic, RFC 7617).
  dispatch::HttpRequest request(std::string method, std::string_view path) const;

  /// What is at `path`: PROPFIND with depth 0 (RFC 4918 section 9.1). Throws Failure where it does not tell.
  Kind look(const dispatch::Call& call, std::string_view path) const;

  /// What an answer other than success means; `what` was tried, as the beginning of the sentence.
  dispatch::Failure refusal(const std::string& what, const dispatch::HttpResponse& answer, Asked asked) const;

  /// Proves address and login, that `folder` is there, and that it may be written to, without an effect:
  /// MKCOL on a folder that exists has to fail with 405 (RFC 4918 section 9.3.1), or before it for want of
  /// rights.
  void test(const dispatch::Call& call, dispatch::TestReport& report, const std::string& folder) const;

 private:
  dispatch::Http _http;
  std::string _baseUrl, _publicUrl;  ///< without "/" at the end
  std::string _username;
  dispatch::Secret _password;
};

}  // namespace webdav
