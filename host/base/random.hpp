#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dispatch {

/// `bytes` random bytes (libsodium's generator) as unpadded base64url text.
std::string randomToken(std::size_t bytes = 32);

/// RFC 9562 version 4 UUID, lower case.
std::string randomUuid();

/// BLAKE2b-256 of `data` in lower-case hex: how tokens and files are identified without keeping them.
std::string digestHex(std::string_view data);

std::string toHex(std::string_view bytes);
std::string toBase64(std::string_view bytes);
std::string toBase64Url(std::string_view bytes);  ///< unpadded, RFC 4648 section 5

}  // namespace dispatch
