#pragma once

#include <dispatch/sdk/types.hpp>

#include <string>
#include <string_view>

namespace smtp {

/// Why `address` cannot stand in an SMTP command (RFC 5321 section 4.1.2, RFC 6531), as a clause; empty if it
/// can. What passes has no control characters, no angle brackets and no white space outside a quoted local
/// part, so it cannot end a command.
std::string addressFault(std::string_view address);

bool isAscii(std::string_view text);
/// The part after the last "@".
std::string domainOf(std::string_view address);

}  // namespace smtp
