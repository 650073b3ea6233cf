#pragma once

#include <dispatch/sdk/email.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace smtp {

/// What a mail says about its sender.
struct Sender {
  std::string address, name;
  std::string replyTo;  ///< empty: answers go to the address
};

/// A whole mail (RFC 5322, 2045 to 2047): lines end in CR LF and hold at most 998 bytes; only addresses may
/// be outside ASCII (RFC 6532). Control characters in subject and names become spaces, so no value can begin
/// a header of its own. A mail with HTML has both forms as alternatives.
std::string composeMessage(const dispatch::EmailSend& mail, const Sender& sender,
                           std::chrono::system_clock::time_point date);

/// RFC 5321 section 4.5.2: a line that begins with a dot gets a second one. `message` has CR LF line ends.
std::string stuffDots(std::string_view message);

/// Parts of composeMessage, for their own tests.
std::string encodeHeaderText(std::string_view text,
                             std::size_t column);  ///< RFC 2047; `column`: what stands before it in its line
std::string encodeMailbox(const dispatch::Mailbox& mailbox);
std::string quotedPrintable(std::string_view text);  ///< RFC 2045 section 6.7; `text` has LF line ends
std::string formatDate(std::chrono::system_clock::time_point date);

}  // namespace smtp
