#pragma once

#include "message.hpp"

#include <dispatch/sdk/failure.hpp>

#include <string>

namespace ldap {

/// "invalidCredentials (49)": the name that a result code has in RFC 4511 appendix A, or only the number.
std::string nameOf(int resultCode);

/// A failure for what a server answered in place of success: `what`, the result's name, the server's
/// diagnostic message, and which setting may help. `baseSetting` is the setting that holds the DN of the
/// request. `anonymous`: nobody was logged in.
dispatch::Failure refusal(const std::string& what, const Result& result, const std::string& baseSetting,
                          bool anonymous);

}  // namespace ldap
