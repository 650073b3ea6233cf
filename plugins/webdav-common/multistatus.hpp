#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace webdav {

/// What is wanted of the body of HTTP 207 (RFC 4918 section 13), about one resource.
struct Multistatus {
  bool collection = false;  ///< its resourcetype has a DAV: collection (section 15.9)
  std::string href;         ///< of the first response
  std::string status;       ///< of the first response or propstat, e.g. "HTTP/1.1 423 Locked"
};

/// Nothing for a text that is not a multistatus of the namespace DAV:, e.g. a page of HTML. It reads tags and
/// namespaces, not all of XML: no DTD, and entities stay as they are.
std::optional<Multistatus> readMultistatus(std::string_view xml);

}  // namespace webdav
