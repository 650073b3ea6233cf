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
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <system_error>

namespace dispatch::plugin {

struct FlightRecorder::Entry {
  std::atomic<std::uint32_t> taken;
  std::uint32_t reserved;
  std::uint64_t requestId;
  char plugin[72];
  char version[40];
  char buildId[48];
  char method[64];
};

namespace {

constexpr std::uint32_t entries = 256;
constexpr std::array<char, 8> magic{'d', 's', 'p', 'f', 'l', 't', '0', '2'};
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
  std::int64_t beganAt;                    ///< seconds since 1970
  std::atomic<std::int64_t> crashedAt;     ///< 0 = no signal was caught
  std::array<Entry, entries> entry;
};

namespace {

std::atomic<FlightRecorder::Entry*> firstEntry{nullptr};
std::atomic<std::atomic<std::int32_t>*> signalField{nullptr}, crashedField{nullptr};
std::atomic<std::atomic<std::int64_t>*> crashedAtField{nullptr};
constexpr std::array<int, 5> fatalSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
std::array<struct sigaction, fatalSignals.size()> earlierActions{};

std::int64_t secondsNow() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);  // one of the few that a handler of signals may ask
  return now.tv_sec;
}

/// Stores only: nothing else is safe here. Then the earlier action is put back, and the instruction (or
/// abort) raises again.
extern "C" void noteFatalSignal(int number) {
  if (auto* field = signalField.load()) {
    std::int32_t none = 0;
    if (field->compare_exchange_strong(none, number)) {
      if (auto* crashed = crashedField.load(); crashed != nullptr && currentEntry != nullptr)
        crashed->store(static_cast<std::int32_t>(currentEntry - firstEntry.load()));
      if (auto* at = crashedAtField.load(); at != nullptr) at->store(secondsNow());
    }
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

std::unique_ptr<FlightRecorder> FlightRecorder::open(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) unusable(directory, error.value());
  std::unique_ptr<FlightRecorder> recorder(new FlightRecorder);
  for (const auto& old : left(directory))
    if (!old.crash) ::unlink(old.path.c_str());
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
  recorder->_file->beganAt = secondsNow();
  firstEntry = recorder->_file->entry.data();
  crashedField = &recorder->_file->crashedEntry;
  crashedAtField = &recorder->_file->crashedAt;
  signalField = &recorder->_file->signal;
  installHandlers();
  return recorder;
}

FlightRecorder::~FlightRecorder() {
  if (_file != nullptr) {
    if (signalField.load() == &_file->signal) {
      signalField = nullptr;
      crashedField = nullptr;
      crashedAtField = nullptr;
    }
    ::munmap(_file, sizeof(File));
    ::unlink(_path.c_str());
  }
  if (_descriptor >= 0) ::close(_descriptor);
}

std::optional<Crash> FlightRecorder::read(int descriptor) {
  struct stat status {};
  auto file = std::make_unique<File>();
  if (::fstat(descriptor, &status) != 0 ||
      ::pread(descriptor, file.get(), sizeof(File), 0) != static_cast<ssize_t>(sizeof(File)) ||
      file->magic_ != magic)
    return std::nullopt;
  Crash crash;
  crash.signal = file->signal;
  const std::chrono::seconds began(file->beganAt);
  const std::chrono::seconds at(file->crashedAt != 0 ? file->crashedAt.load() : status.st_mtime);
  crash.at = Instant(at);
  if (at >= began) crash.ran = at - began;
  for (std::uint32_t i = 0; i < entries; ++i) {
    const auto& entry = file->entry[i];
    if (entry.taken == 0) continue;
    crash.calls.push_back({taken(entry.plugin), taken(entry.version), taken(entry.buildId),
                           taken(entry.method), entry.requestId,
                           file->crashedEntry == static_cast<std::int32_t>(i)});
  }
  return crash.signal != 0 || !crash.calls.empty() ? std::optional(std::move(crash)) : std::nullopt;
}

std::vector<FlightRecorder::Left> FlightRecorder::left(const std::string& directory) {
  std::vector<Left> all;
  std::error_code error;
  for (const auto& item : std::filesystem::directory_iterator(directory, error)) {
    const auto name = item.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const int descriptor = ::open(item.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    // Locked: its process lives. One without a byte is just being made, and not locked yet.
    struct stat status {};
    if (::flock(descriptor, LOCK_SH | LOCK_NB) == 0 && ::fstat(descriptor, &status) == 0 &&
        status.st_size > 0) {
      auto crash = read(descriptor);
      if (crash) crash->process = std::atoi(name.c_str() + std::strlen(prefix));
      all.push_back({item.path().string(), std::move(crash)});
    }
    ::close(descriptor);
  }
  return all;
}

FlightRecorder::Flight::Flight(FlightRecorder* recorder, const Call& call) noexcept : _outer(currentEntry) {
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
    entry.requestId = call.requestId;
    put(entry.plugin, call.plugin);
    put(entry.version, call.version);
    put(entry.buildId, call.buildId);
    put(entry.method, call.method);
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
