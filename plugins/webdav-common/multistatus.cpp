#include "multistatus.hpp"

#include <dispatch/sdk/text.hpp>

#include <map>
#include <vector>

namespace webdav {

namespace {

constexpr std::size_t maxDepth = 64;
constexpr std::string_view blank = " \t\r\n";

/// An element that is open: its name in the namespace DAV:, or nothing, and the prefixes known inside.
struct Open {
  std::string name;
  std::map<std::string, std::string, std::less<>> namespaces;
};

class Reader {
 public:
  explicit Reader(std::string_view xml) : _rest(xml) {
    if (_rest.starts_with("\xEF\xBB\xBF")) _rest.remove_prefix(3);
  }

  std::optional<Multistatus> read() {
    while (!_rest.empty()) {
      const auto tag = _rest.find('<');
      text(_rest.substr(0, tag));
      if (tag == std::string_view::npos) break;
      _rest.remove_prefix(tag);
      if (!markup()) return std::nullopt;
    }
    if (!_isMultistatus || !_hasResponse || !_open.empty()) return std::nullopt;
    return _found;
  }

 private:
  bool markup() {
    if (_rest.starts_with("<?")) return skipPast("?>");
    if (_rest.starts_with("<!--")) return skipPast("-->");
    if (_rest.starts_with("<![CDATA[")) return skipPast("]]>");
    if (_rest.starts_with("<!")) return false;  // a DTD: nothing of WebDAV has one
    if (_rest.starts_with("</")) {
      if (_open.empty() || !skipPast(">")) return false;
      _open.pop_back();
      return true;
    }
    return element();
  }

  bool element() {
    const auto nameEnd = _rest.find_first_of(" \t\r\n/>", 1);
    if (nameEnd == std::string_view::npos || nameEnd == 1 || _open.size() == maxDepth) return false;
    const std::string_view name = _rest.substr(1, nameEnd - 1);
    _rest.remove_prefix(nameEnd);
    Open open;
    if (!_open.empty()) open.namespaces = _open.back().namespaces;
    for (;;) {
      skipBlank();
      if (_rest.starts_with("/>") || _rest.starts_with('>')) break;
      if (!attribute(open)) return false;
    }
    open.name = davName(name, open);
    enter(open.name);
    const bool empty = _rest.starts_with("/>");
    _rest.remove_prefix(empty ? 2 : 1);
    if (!empty) _open.push_back(std::move(open));
    return true;
  }

  bool attribute(Open& open) {
    const auto equals = _rest.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view name = dispatch::trim(_rest.substr(0, equals));
    _rest.remove_prefix(equals + 1);
    skipBlank();
    if (_rest.empty() || (_rest.front() != '"' && _rest.front() != '\'')) return false;
    const auto end = _rest.find(_rest.front(), 1);
    if (end == std::string_view::npos) return false;
    const std::string value(_rest.substr(1, end - 1));
    _rest.remove_prefix(end + 1);
    if (name == "xmlns") open.namespaces[""] = value;
    if (name.starts_with("xmlns:")) open.namespaces[std::string(name.substr(6))] = value;
    return true;
  }

  /// "collection" of "D:collection" where D stands for DAV:; nothing for what belongs to somebody else.
  static std::string davName(std::string_view name, const Open& open) {
    const auto colon = name.find(':');
    const std::string_view prefix = colon == std::string_view::npos ? "" : name.substr(0, colon);
    const auto found = open.namespaces.find(prefix);
    if (found == open.namespaces.end() || found->second != "DAV:") return {};
    return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
  }

  void enter(const std::string& name) {
    if (_open.empty()) _isMultistatus = name == "multistatus";
    if (name == "response") _hasResponse = true;
    if (name == "collection" && !_open.empty() && _open.back().name == "resourcetype")
      _found.collection = true;
  }

  void text(std::string_view text) {
    if (_open.empty()) return;
    if (_open.back().name == "href" && _found.href.empty()) _found.href = dispatch::trim(text);
    if (_open.back().name == "status" && _found.status.empty()) _found.status = dispatch::trim(text);
  }

  bool skipPast(std::string_view end) {
    const auto at = _rest.find(end);
    if (at == std::string_view::npos) return false;
    _rest.remove_prefix(at + end.size());
    return true;
  }
  void skipBlank() {
    const auto at = _rest.find_first_not_of(blank);
    _rest.remove_prefix(at == std::string_view::npos ? _rest.size() : at);
  }

  std::string_view _rest;
  std::vector<Open> _open;
  Multistatus _found;
  bool _isMultistatus = false, _hasResponse = false;
};

}  // namespace

std::optional<Multistatus> readMultistatus(std::string_view xml) { return Reader(xml).read(); }

}  // namespace webdav
