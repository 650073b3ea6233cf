#pragma once

#include "filter.hpp"
#include "message.hpp"

#include <dispatch/sdk/config.hpp>

#include <string>

namespace ldap {

enum class Security { startTls, tls, plain };

/// The part of the configuration that says how the directory is reached, checked as a whole.
struct Settings {
  std::string host;
  int port = 0;
  Security security = Security::startTls;
  std::string bindDn;  ///< empty: nobody logs in
  dispatch::Secret password;
  int timeLimit = 0;  ///< of a search, in seconds
  bool acceptAnyCertificate = false;

  /// Throws Failure(INVALID) with the setting and what to change.
  static Settings read(const dispatch::Config& config);
  std::string where() const { return host + ":" + std::to_string(port); }
};

/// Each throws Failure(INVALID) with the setting and what to change.
Scope readScope(const dispatch::Config& config, const char* setting);
/// A filter whose placeholders are all among `known`.
Filter readFilter(const dispatch::Config& config, const char* setting, const std::set<std::string>& known);
/// The name of an attribute, or nothing where it was left empty.
std::string readAttribute(const dispatch::Config& config, const char* setting, const char* usual);

}  // namespace ldap
