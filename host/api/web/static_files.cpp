#include "api/web/static_files.hpp"

#include "base/base.hpp"

#include <Poco/DeflatingStream.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace dispatch::api {

namespace fs = std::filesystem;

namespace {

std::string contentTypeOf(const std::string& extension) {
  static const std::map<std::string, std::string> types{{".html", "text/html; charset=utf-8"},
                                                        {".js", "text/javascript; charset=utf-8"},
                                                        {".css", "text/css; charset=utf-8"},
                                                        {".svg", "image/svg+xml"},
                                                        {".png", "image/png"},
                                                        {".ico", "image/x-icon"},
                                                        {".json", "application/json"},
                                                        {".webmanifest", "application/manifest+json"},
                                                        {".txt", "text/plain; charset=utf-8"},
                                                        {".woff2", "font/woff2"},
                                                        {".map", "application/json"}};
  const auto found = types.find(extension);
  return found == types.end() ? "application/octet-stream" : found->second;
}

std::string sources(const Json& csp, const char* kind) {
  std::string text = " 'self'";
  if (const auto found = csp.find(kind); found != csp.end() && found->is_array())
    for (const auto& hash : *found)
      if (hash.is_string()) text += " '" + hash.get<std::string>() + "'";
  return text;
}

}  // namespace

std::string gzipped(std::string_view bytes) {
  std::ostringstream out;
  {
    Poco::DeflatingOutputStream stream(out, Poco::DeflatingStreamBuf::STREAM_GZIP, 6);
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    stream.close();
  }
  return out.str();
}

StaticFiles::StaticFiles(const std::string& directory) {
  std::error_code error;
  Json csp = Json::object();
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->is_regular_file() || entry->is_symlink()) continue;
    std::ifstream in(entry->path(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const auto path = "/" + fs::relative(entry->path(), directory).generic_string();
    const auto extension = entry->path().extension().string();
    if (path == "/csp.json") {
      csp = parseJson(bytes, "csp.json of the web UI");
      continue;
    }
    if (extension == ".gz") continue;
    File file;
    file.contentType = contentTypeOf(extension);
    file.etag = "\"" + digestHex(bytes).substr(0, 32) + "\"";
    file.immutable = path.starts_with("/assets/");
    if (extension != ".png" && extension != ".woff2" && bytes.size() >= 1000) {
      file.gzip = gzipped(bytes);
      if (file.gzip.size() >= bytes.size()) file.gzip.clear();
    }
    file.bytes = std::move(bytes);
    _files.emplace(path, std::move(file));
  }
  _policy =
      "default-src 'none'; script-src" + sources(csp, "script") + "; style-src" + sources(csp, "style") +
      "; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
      "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
}

const StaticFiles::File* StaticFiles::find(std::string_view path) const {
  if (const auto found = _files.find(path); found != _files.end()) return &found->second;
  if (path.starts_with("/assets/"))
    return nullptr;  // a page older than this build must see that its chunk is gone
  const auto index = _files.find("/index.html");
  return index == _files.end() ? nullptr : &index->second;
}

}  // namespace dispatch::api
