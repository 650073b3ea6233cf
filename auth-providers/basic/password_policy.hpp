#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace basic {

/// Bytes a password may have at most; far beyond the 64 characters that ASVS 5.0 6.2.9 asks for.
inline constexpr std::size_t longestPassword = 1024;

/// Why `password` cannot be used, as a sentence for the person who chose it; empty if it can. No rules about
/// kinds of characters (NIST SP 800-63B 3.1.1.2): length, and nothing that a guesser tries first - well-known
/// passwords and phrases, keyboard runs, repetition, `context` (words like the product, the organization, the
/// person's address).
std::string passwordFault(std::string_view password, std::size_t minimumLength,
                          const std::vector<std::string>& context);

/// What a person is told before choosing.
std::string passwordAdvice(std::size_t minimumLength);

}  // namespace basic
