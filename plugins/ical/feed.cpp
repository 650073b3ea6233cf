#include "feed.hpp"

#include <algorithm>

namespace ical {

namespace {

using dispatch::Failure;

constexpr std::string_view kPlaceholder = "{service}";
constexpr std::size_t kMostCopies = 64;

/// `pattern` up to the last slash before its query and its placeholder: what every feed's address begins
/// with.
std::string folderOf(const std::string& pattern) {
  const std::size_t host = pattern.find("://") + 3;
  const std::size_t end = std::min({pattern.find(kPlaceholder), pattern.find('?'), pattern.size()});
  const std::size_t slash = pattern.rfind('/', end - (end > host ? 1 : 0));
  return slash == std::string::npos || slash < host ? pattern.substr(0, end) + '/'
                                                    : pattern.substr(0, slash + 1);
}

bool leavesItsFolder(const std::string& url) {
  const std::string path = dispatch::lower(url.substr(0, url.find_first_of("?#"))) + '/';
  for (const char* step : {"/..", "/./", "%2e", "\\"})
    if (path.find(step) != std::string::npos) return true;
  return false;
}

}  // namespace

std::string feedUrl(const std::string& pattern, const std::string& externalId) {
  std::string id(dispatch::trim(externalId));
  if (id.starts_with("webcal://")) id = "https://" + id.substr(9);
  if (id.starts_with("https://") || id.starts_with("http://")) {
    const std::string folder = folderOf(pattern);
    if (!id.starts_with(folder) || leavesItsFolder(id) || id.find_first_of(" \t\r\n#{}") != std::string::npos)
      throw Failure::invalid("The service's external id is the address \"" + dispatch::quoteLine(id, 200) +
                             "\", which should begin with " + folder +
                             " and stay below it, as \"Feed URL\" in the plugin's settings says.");
    return id;
  }
  const std::size_t at = pattern.find(kPlaceholder);
  if (at == std::string::npos)
    throw Failure::invalid(
        "The service's external id is \"" + dispatch::quoteLine(id, 80) +
        "\". As \"Feed URL\" in the plugin's settings does not hold {service}, it should be the "
        "whole address of a feed, beginning with " +
        folderOf(pattern) + ".");
  // Encoded or not, a server may take dots for a step out of the folder.
  if (id.empty() || id == "." || id.find("..") != std::string::npos)
    throw Failure::invalid("The service's external id is \"" + dispatch::quoteLine(id, 80) +
                           "\", which can name no feed: it should not be empty, nor hold two dots together.");
  std::string url = pattern;
  return url.replace(at, kPlaceholder.size(), dispatch::urlEncode(id));
}

FeedCache::Copy FeedCache::find(const std::string& url) const {
  const std::lock_guard lock(_mutex);
  const auto found = _copies.find(url);
  return found == _copies.end() ? Copy{} : found->second;
}

void FeedCache::keep(const std::string& url, Copy copy) {
  const std::lock_guard lock(_mutex);
  _copies[url] = std::move(copy);
  if (_copies.size() <= kMostCopies) return;
  _copies.erase(std::min_element(_copies.begin(), _copies.end(), [](const auto& left, const auto& right) {
    return left.second.fetched < right.second.fetched;
  }));
}

}  // namespace ical
