#include "plugin/call/flight_recorder.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "plugin/package/library_rules.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace dispatch::plugin {

struct FlightRecorder::Entry {
  std::atomic<std::uint32_t> taken;
  std::uint32_t reserved;
  std::uint64_t requestId;
  char plugin[72];
  char version[40];
  char method[64];
};

namespace {

constexpr std::uint32_t entries = 256;
constexpr std::array<char, 8> magic{'d', 's', 'p', 'f', 'l', 't', '0', '1'};
constexpr const char* prefix = "in-flight.";

thread_local FlightRecorder::Entry* currentEntry = nullptr;

template <std::size_t N>
void put(char (&field)[N], std::string_view text) noexcept {
  const auto size = std::min(text.size(), N - 1);
  std::memcpy(field, text.data(), size);
  field[size] = '\0';
}

template <std::size_t N>
std::string taken(const char (&field)[N]) {
  return std::string(field, ::strnlen(field, N));
}

}  // namespace

struct FlightRecorder::File {
  std::array<char, 8> magic_;
  std::atomic<std::int32_t> signal;
  std::atomic<std::int32_t> crashedEntry;  ///< index, or -1
  std::array<Entry, entries> entry;
};

namespace {

std::atomic<FlightRecorder::Entry*> firstEntry{nullptr};
std::atomic<std::atomic<std::int32_t>*> signalField{nullptr}, crashedField{nullptr};
constexpr std::array<int, 5> fatalSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
std::array<struct sigaction, fatalSignals.size()> earlierActions{};

/// Stores only: nothing else is safe here. Then the earlier action is put back, and the instruction (or
/// abort) raises again.
extern "C" void noteFatalSignal(int number) {
  if (auto* field = signalField.load()) {
    std::int32_t none = 0;
    if (field->compare_exchange_strong(none, number))
      if (auto* crashed = crashedField.load(); crashed != nullptr && currentEntry != nullptr)
        crashed->store(static_cast<std::int32_t>(currentEntry - firstEntry.load()));
  }
  for (std::size_t i = 0; i < fatalSignals.size(); ++i)
    if (fatalSignals[i] == number) ::sigaction(number, &earlierActions[i], nullptr);
  // One sent by kill() does not come again by itself.
  ::raise(number);
}

void installHandlers() {
  if (!hostSanitizer().empty()) return;  // a sanitizer's own handlers report more
  static const bool once = [] {
    for (std::size_t i = 0; i < fatalSignals.size(); ++i) {
      struct sigaction action {};
      action.sa_handler = noteFatalSignal;
      action.sa_flags = SA_ONSTACK;
      ::sigemptyset(&action.sa_mask);
      ::sigaction(fatalSignals[i], &action, &earlierActions[i]);
    }
    return true;
  }();
  static_cast<void>(once);
}

[[noreturn]] void unusable(const std::string& path, int error) {
  throw Problem(Problem::Kind::unavailable, "The crash record " + path +
                                                " cannot be kept: " + std::generic_category().message(error) +
                                                ". Make its directory writable for the server's user.");
}

}  // namespace

std::vector<std::string> LastCrash::suspects() const {
  if (signal == 0) return {};
  std::vector<std::string> ids;
  const bool known = std::any_of(calls.begin(), calls.end(), [](const Call& call) { return call.crashed; });
  for (const auto& call : calls)
    if ((call.crashed || !known) && std::find(ids.begin(), ids.end(), call.plugin) == ids.end())
      ids.push_back(call.plugin);
  return ids;
}

std::unique_ptr<FlightRecorder> FlightRecorder::open(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) unusable(directory, error.value());
  std::unique_ptr<FlightRecorder> recorder(new FlightRecorder);
  recorder->readOld(directory);
  recorder->_path = directory + '/' + prefix + std::to_string(::getpid()) + '-' + randomToken(6);
  recorder->_descriptor =
      ::open(recorder->_path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (recorder->_descriptor < 0) unusable(recorder->_path, errno);
  if (::flock(recorder->_descriptor, LOCK_EX | LOCK_NB) != 0 ||
      ::ftruncate(recorder->_descriptor, sizeof(File)) != 0)
    unusable(recorder->_path, errno);
  void* mapped = ::mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, recorder->_descriptor, 0);
  if (mapped == MAP_FAILED) unusable(recorder->_path, errno);
  recorder->_file = new (mapped) File{};
  recorder->_file->magic_ = magic;
  recorder->_file->crashedEntry = -1;
  firstEntry = recorder->_file->entry.data();
  crashedField = &recorder->_file->crashedEntry;
  signalField = &recorder->_file->signal;
  installHandlers();
  return recorder;
}

FlightRecorder::~FlightRecorder() {
  if (_file != nullptr) {
    if (signalField.load() == &_file->signal) {
      signalField = nullptr;
      crashedField = nullptr;
    }
    ::munmap(_file, sizeof(File));
    ::unlink(_path.c_str());
  }
  if (_descriptor >= 0) ::close(_descriptor);
}

void FlightRecorder::readOld(const std::string& directory) {
  std::error_code error;
  for (const auto& item : std::filesystem::directory_iterator(directory, error)) {
    if (!item.path().filename().string().starts_with(prefix)) continue;
    const int descriptor = ::open(item.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    // Locked: its process lives.
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      ::close(descriptor);
      continue;
    }
    struct stat status {};
    auto file = std::make_unique<File>();
    const bool whole = ::fstat(descriptor, &status) == 0 &&
                       ::pread(descriptor, file.get(), sizeof(File), 0) == static_cast<ssize_t>(sizeof(File));
    if (whole && file->magic_ == magic) {
      LastCrash crash;
      crash.signal = file->signal;
      crash.at = toText(Instant(std::chrono::seconds(status.st_mtime)));
      for (std::uint32_t i = 0; i < entries; ++i) {
        const auto& entry = file->entry[i];
        if (entry.taken == 0) continue;
        crash.calls.push_back({taken(entry.plugin), taken(entry.version), taken(entry.method),
                               entry.requestId, file->crashedEntry == static_cast<std::int32_t>(i)});
      }
      const bool newer = !_lastCrash || crash.at > _lastCrash->at;
      if ((crash.signal != 0 || !crash.calls.empty()) && newer) _lastCrash = std::move(crash);
    }
    ::unlink(item.path().c_str());
    ::close(descriptor);
  }
}

FlightRecorder::Flight::Flight(FlightRecorder* recorder, std::string_view plugin, std::string_view version,
                               std::string_view method, std::uint64_t requestId) noexcept
    : _outer(currentEntry) {
  if (recorder == nullptr) return;
  static std::atomic<std::uint32_t> nextHint{0};
  thread_local std::uint32_t hint = nextHint++ % entries;
  auto& all = recorder->_file->entry;
  for (std::uint32_t i = 0; i < entries; ++i) {
    auto& entry = all[(hint + i) % entries];
    std::uint32_t free = 0;
    if (entry.taken.load(std::memory_order_relaxed) != 0 ||
        !entry.taken.compare_exchange_strong(free, 1, std::memory_order_acquire))
      continue;
    hint = (hint + i) % entries;
    entry.requestId = requestId;
    put(entry.plugin, plugin);
    put(entry.version, version);
    put(entry.method, method);
    _entry = &entry;
    currentEntry = _entry;
    return;
  }
}

FlightRecorder::Flight::~Flight() {
  currentEntry = _outer;
  if (_entry != nullptr) _entry->taken.store(0, std::memory_order_release);
}

}  // namespace dispatch::plugin
