#pragma once

#include <string>
#include <string_view>

namespace jitsi {

/// How many characters of a room's name cannot be guessed: 20 of base32 are 100 bits.
inline constexpr std::size_t kSuffixLength = 20;

/// The first characters of `digest` in base32 (RFC 4648 section 6), in lower case, as Jitsi Meet writes room
/// names. `digest` has at least 13 bytes.
std::string suffixOf(std::string_view digest);

/// `text` with everything but letters, digits, "-" and "_" as "-": a room's name is one segment of a path and
/// the local part of an XMPP address.
std::string roomText(std::string_view text);

/// Whether `pattern` holds {suffix} once and beside it only {name}, {id} and what roomText leaves alone.
bool soundPattern(std::string_view pattern);

/// `pattern`, which is sound, with its placeholders filled in.
std::string roomName(std::string_view pattern, std::string_view incidentName, std::string_view incidentId,
                     std::string_view suffix);

}  // namespace jitsi
