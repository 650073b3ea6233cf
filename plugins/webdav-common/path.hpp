#pragma once

#include <string>
#include <string_view>

namespace webdav {

/// Paths here are what people read: "/Incidents/dispatch-12/Logs/", percent-encoded only on their way into an
/// address. A folder's ends with "/" (RFC 4918 section 5.2), a document's does not; "/" is the base address.

/// `name` as one segment of a path, for any server and any file system behind it: no separators, no control
/// characters, none that Windows refuses, no dots at its ends (so neither "." nor ".htaccess"), at most 200
/// bytes. What is too long loses its middle: incidents differ by the number at the end of their names.
std::string safeSegment(std::string_view name);

/// A path that comes from a person or from outside, such as a resource id. Throws Failure(INVALID), with
/// `what` it is, unless it begins with "/" and has no empty segment, no dot segment (RFC 3986 section 5.2.4)
/// and no character that ends or bends a path: so it never leads out of the base address.
std::string checkedPath(std::string_view text, std::string_view what);

/// The same path as a folder's.
std::string asFolder(std::string path);
inline bool isFolder(std::string_view path) { return path.ends_with('/'); }

/// "/a/b c/" -> "/a/b%20c/" (RFC 3986 section 2.1).
std::string encodedPath(std::string_view path);

/// ".md" of "/Templates/incident.md", in lower case; nothing where there is none.
std::string extensionOf(std::string_view path);

}  // namespace webdav
