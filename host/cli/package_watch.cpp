#include "cli/package_watch.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace dispatch::cli {

namespace {

std::vector<std::filesystem::path> entries(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> all;
  std::error_code error;
  for (std::filesystem::directory_iterator item(directory, error), end; !error && item != end;
       item.increment(error))
    all.push_back(item->path());
  std::sort(all.begin(), all.end());
  return all;
}

std::string describe(const std::filesystem::path& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0) return file.string() + " gone;";
  std::string text = file.string();
  for (const auto number :
       {static_cast<long long>(about.st_ino), static_cast<long long>(about.st_size),
        static_cast<long long>(about.st_mtim.tv_sec), static_cast<long long>(about.st_mtim.tv_nsec),
        static_cast<long long>(about.st_ctim.tv_sec), static_cast<long long>(about.st_ctim.tv_nsec)})
    text += ' ' + std::to_string(number);
  return text + ';';
}

}  // namespace

PackageWatch::PackageWatch(std::vector<std::string> directories,
                           std::function<void(const std::string& id)> changed,
                           std::chrono::milliseconds period)
    : _directories(std::move(directories)),
      _changed(std::move(changed)),
      _period(period),
      _told(look()),
      _thread([this] { watch(); }) {}

PackageWatch::~PackageWatch() {
  {
    const std::lock_guard lock(_mutex);
    _stopping = true;
  }
  _wakes.notify_all();
  _thread.join();
}

PackageWatch::Seen PackageWatch::look() const {
  Seen seen;
  for (const auto& directory : _directories)
    for (const auto& package : entries(directory)) {
      const auto name = package.filename().string();  // <id> or <id>@<version>
      if (name.front() == '.') continue;
      auto& text = seen[name.substr(0, name.find('@'))];
      for (const auto& file : entries(package)) text += describe(file);
    }
  return seen;
}

void PackageWatch::watch() {
  Seen before = _told;
  for (std::unique_lock lock(_mutex); !_wakes.wait_for(lock, _period, [this] { return _stopping; });) {
    lock.unlock();
    Seen now = look();
    for (const auto& [id, text] : now) {
      if (text == _told[id] || text != before[id]) continue;
      _told[id] = text;
      _changed(id);
    }
    before = std::move(now);
    lock.lock();
  }
}

}  // namespace dispatch::cli
