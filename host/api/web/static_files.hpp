#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace dispatch::api {

/// The web UI's files, read once at start: only what was found then is ever served, so no path leads
/// elsewhere.
class StaticFiles {
 public:
  struct File {
    std::string bytes, gzip;  ///< `gzip` is empty where it saves nothing
    std::string contentType, etag;
    bool immutable = false;  ///< its name holds a hash of its content
  };

  explicit StaticFiles(const std::string& directory);  ///< absent directory: no files

  /// The file for a path, or index.html for a path of the UI's own router; null if there is no UI.
  const File* find(std::string_view path) const;
  bool empty() const { return _files.empty(); }
  /// Content-Security-Policy for the UI: what the build wrote into csp.json, never unsafe-inline.
  const std::string& contentSecurityPolicy() const { return _policy; }

 private:
  std::map<std::string, File, std::less<>> _files;
  std::string _policy;
};

/// RFC 1952, level 6.
std::string gzipped(std::string_view bytes);

}  // namespace dispatch::api
