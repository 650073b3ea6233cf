#include "plugin/worker/worker_process.hpp"

#include "base/problem.hpp"
#include "plugin/call/host_call.hpp"
#include "plugin/worker/system_calls.hpp"
#include "plugin/worker/worker_lane.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace dispatch::plugin {

namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Problem(Problem::Kind::unavailable, what).withType("plugin_worker");
}

void closeOne(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

/// Both ends of a socket between host and worker.
struct Pair {
  int mine = -1, theirs = -1;
  Pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
    mine = ends[0];
    theirs = ends[1];
  }
};

}  // namespace

WorkerProcess::WorkerProcess(std::shared_ptr<WorkerKeeper> keeper, std::shared_ptr<DeadlineWatch> watch,
                             std::weak_ptr<WorkerOwner> owner)
    : _keeper(std::move(keeper)), _watch(std::move(watch)), _owner(std::move(owner)) {}

std::shared_ptr<WorkerProcess> WorkerProcess::start(std::shared_ptr<WorkerKeeper> keeper,
                                                    std::shared_ptr<DeadlineWatch> watch,
                                                    const Options& options, std::weak_ptr<WorkerOwner> owner,
                                                    std::chrono::milliseconds patience) {
  std::shared_ptr<WorkerProcess> made(
      new WorkerProcess(std::move(keeper), std::move(watch), std::move(owner)));
  made->_maxLanes = std::max(1u, options.setup.maxLanes);
  Pair control;
  int output[2] = {-1, -1};
  if (control.mine < 0 || ::pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0) {
    const int error = errno;
    closeOne(control.mine);
    closeOne(control.theirs);
    refuse("A worker for plugin " + options.name +
           " cannot be started: " + std::generic_category().message(error) + ".");
  }
  made->_control = control.mine;
  made->_output = output[0];
  auto setup = options.setup;
  std::strncpy(setup.version, DISPATCH_VERSION, sizeof setup.version - 1);
  std::strncpy(setup.pluginId, options.name.c_str(), sizeof setup.pluginId - 1);
  setup.hostProcess = ::getpid();
  const auto spin = wire::Spin::forThisMachine();
  wire::Spin::allow(spin);
  setup.spinNs = spin.ns;
  setup.spinCalls = spin.calls;
  wire::Frame frame;
  frame.kind = wire::FrameKind::setup;
  wire::send(control.mine, frame, {reinterpret_cast<const char*>(&setup), sizeof setup});
  WorkerKeeper::Started started;
  try {
    started =
        made->_keeper->start({options.program, options.name, control.theirs, options.library, output[1]});
  } catch (...) {
    ::close(control.theirs);
    ::close(output[1]);
    throw;
  }
  ::close(control.theirs);
  ::close(output[1]);
  made->_process = started.process;
  made->_handle = started.handle;
  made->awaitHello(patience, options.name);
  made->_keeper->listen(made, made->_control, made->_output, made->_handle, made->_process);
  made->_listening = true;
  made->_watch->add(*made);
  return made;
}

WorkerProcess::~WorkerProcess() {
  if (_listening) {
    _watch->remove(*this);
    _keeper->forget(*this);
  }
  if (_process > 0 && !_end) {
    ::syscall(SYS_pidfd_send_signal, _handle, SIGKILL, nullptr, 0);
    ::waitpid(_process, nullptr, 0);
  }
  closeOne(_control);
  closeOne(_output);
  closeOne(_handle);
}

void WorkerProcess::awaitHello(std::chrono::milliseconds patience, const std::string& name) {
  const auto until = std::chrono::steady_clock::now() + patience;
  wire::Message message;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd waiting{_control, POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0)
      refuse("The worker of plugin " + name + " did not get ready within " +
             std::to_string(patience.count()) + " ms: its library may hang while it is loaded.");
    if (!wire::receive(_control, message, _buffer, false)) {
      siginfo_t info{};
      const bool told = ::waitid(P_PID, static_cast<id_t>(_process), &info, WEXITED) == 0;
      if (told) {
        const bool killed = info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
        _end = WorkerEnd{killed ? info.si_status : 0, killed ? 0 : info.si_status};
      }
      const auto how = !_end               ? std::string()
                       : _end->signal != 0 ? std::string(" by signal ") + std::to_string(_end->signal) +
                                                 " (" + ::strsignal(_end->signal) + ")"
                                           : " with code " + std::to_string(_end->code);
      throw Problem(Problem::Kind::invalid,
                    "ended its worker" + how +
                        " while it was being loaded: its constructors run then, and do what the "
                        "sandbox forbids or crash.")
          .withType("plugin_library");
    }
    if (message.frame.kind == wire::FrameKind::failed)
      throw Problem(message.text.starts_with("the ") ? Problem::Kind::unavailable : Problem::Kind::invalid,
                    std::string(message.text.substr(0, 600)))
          .withType("plugin_library");
    if (message.frame.kind == wire::FrameKind::denied) {
      if (_hello.denied.empty()) _hello.denied = systemCallName(message.frame.request);
      wasDenied(message.frame);
      continue;
    }
    if (message.frame.kind == wire::FrameKind::hello) return readHello(message.text);
  }
}

void WorkerProcess::readHello(std::string_view text) {
  wire::Reader reader(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  _hello.sandbox.landlock = static_cast<std::int32_t>(reader.half());
  _hello.sandbox.seccomp = reader.half();
  _hello.sandbox.ownUser = reader.half();
  _hello.hasTable = reader.word() != 0;
  if (!_hello.hasTable) return;
  _hello.structSize = reader.half();
  constexpr auto least =
      offsetof(dispatch_plugin_v1, get_interface) + sizeof(dispatch_plugin_v1::get_interface);
  if (_hello.structSize < least || _hello.structSize > 64 * 1024) return;
  _hello.abiMinor = reader.half();
  for (bool* flag : {&_hello.create, &_hello.destroy, &_hello.getInterface, &_hello.start,
                     &_hello.reconfigure, &_hello.drain, &_hello.stop})
    *flag = reader.word() != 0;
  const auto read = [&](std::string& value, std::uint64_t& size) {
    const auto found = reader.text();
    size = found.len;
    if (found.ptr != nullptr && found.len <= 1024) value.assign(found.ptr, found.len);
  };
  read(_hello.id, _hello.idSize);
  read(_hello.version, _hello.versionSize);
  read(_hello.buildInfo, _hello.buildInfoSize);
  if (reader.bad()) _hello.hasTable = false;
}

bool WorkerProcess::adopt(std::weak_ptr<WorkerOwner> owner) noexcept {
  std::vector<WorkerDenial> unheard;  // what its constructors tried
  const auto hears = owner.lock();
  {
    const std::lock_guard lock(_mutex);
    _owner = std::move(owner);
    unheard.swap(_unheard);
  }
  if (hears)
    for (const auto& denial : unheard) hears->workerWasDenied(denial);
  pollfd ended{_handle, POLLIN, 0};  // the keeper may not have heard of it yet
  return alive() && ::poll(&ended, 1, 0) == 0;
}

void WorkerProcess::wasDenied(const wire::Frame& frame) {
  WorkerDenial denial;
  denial.times = std::max<std::uint64_t>(1, frame.size);
  if (frame.function == static_cast<std::uint32_t>(wire::Denied::service)) {
    denial.what = wire::Denied::service;
    denial.name = frame.request < wire::serviceIds.size() ? wire::serviceIds[frame.request] : "unknown";
  } else {
    denial.name = systemCallName(frame.request);
  }
  std::shared_ptr<WorkerOwner> owner;
  {
    const std::lock_guard lock(_mutex);
    owner = _owner.lock();
    if (!owner) {
      constexpr std::size_t most = 1000;
      const auto same = std::find_if(_unheard.begin(), _unheard.end(), [&](const WorkerDenial& one) {
        return one.what == denial.what && one.name == denial.name;
      });
      if (same != _unheard.end())
        same->times += std::min<std::uint64_t>(denial.times, 1u << 30);
      else if (_unheard.size() < most)
        _unheard.push_back(denial);
    }
  }
  if (owner) owner->workerWasDenied(denial);
}

std::shared_ptr<WorkerOwner> WorkerProcess::owner() const noexcept {
  const std::lock_guard lock(_mutex);
  return _owner.lock();
}

WorkerLane* WorkerProcess::takeLane() {
  const std::lock_guard lock(_mutex);
  if (!alive()) return nullptr;
  if (!_free.empty()) {
    auto* lane = _free.back();
    _free.pop_back();
    return lane;
  }
  if (_lanes.size() >= _maxLanes) return nullptr;
  Pair pair;
  int slot = wire::Slot::makeFile();
  const auto number = static_cast<std::uint32_t>(_lanes.size());
  if (pair.mine < 0 || slot < 0) {
    closeOne(pair.mine);
    closeOne(pair.theirs);
    closeOne(slot);
    refuse("There is no memory for another call into a worker.");
  }
  wire::Frame frame;
  frame.kind = wire::FrameKind::openLane;
  frame.lane = number;
  const int descriptors[2] = {pair.theirs, slot};
  const bool told = wire::send(_control, frame, {}, descriptors, 2);
  ::close(pair.theirs);
  if (!told) {
    ::close(pair.mine);
    ::close(slot);
    return nullptr;
  }
  _lanes.push_back(std::make_unique<WorkerLane>(number, pair.mine, slot));
  return _lanes.back().get();
}

void WorkerProcess::give(WorkerLane* lane) noexcept {
  lane->killAtNs = 0;
  const std::lock_guard lock(_mutex);
  _free.push_back(lane);
}

bool WorkerProcess::idle() const noexcept {
  const std::lock_guard lock(_mutex);
  return _free.size() == _lanes.size();
}

void WorkerProcess::killAt(WorkerLane& lane, std::uint64_t ns) noexcept {
  lane.killAtNs = ns;
  _watch->called();
}

void WorkerProcess::kill(const char* why) noexcept {
  try {
    const std::lock_guard lock(_mutex);
    if (_killedBecause.empty()) _killedBecause = why;
  } catch (...) {
    // Without its reason.
  }
  _dead.store(true, std::memory_order_release);
  ::syscall(SYS_pidfd_send_signal, _handle, SIGKILL, nullptr, 0);
}

std::string WorkerProcess::killedBecause() const {
  const std::lock_guard lock(_mutex);
  return _killedBecause;
}

std::optional<WorkerEnd> WorkerProcess::awaitEnd(std::chrono::milliseconds most) noexcept {
  std::unique_lock lock(_mutex);
  _changed.wait_for(lock, most, [&] { return _end.has_value(); });
  return _end;
}

void WorkerProcess::cancel(WorkerLane& lane, std::uint64_t request, std::int32_t reason,
                           std::uint64_t graceNs) noexcept {
  lane.noteCancelled(request, reason);
  const auto by = monotonicNs() + graceNs;
  auto before = lane.killAtNs.load();
  while (before != 0 && by < before && !lane.killAtNs.compare_exchange_weak(before, by)) {
  }
  wire::Frame frame;
  frame.kind = wire::FrameKind::cancel;
  frame.lane = lane.number();
  frame.request = request;
  frame.status = reason;
  wire::send(_control, frame);
}

bool WorkerProcess::controlReadable() {
  wire::Message message;
  if (!wire::receive(_control, message, _buffer, false)) return false;
  for (const int descriptor : message.descriptors) ::close(descriptor);
  const auto& frame = message.frame;
  if (frame.kind == wire::FrameKind::denied) {
    wasDenied(frame);
    return true;
  }
  const auto owner = this->owner();
  if (!owner) return true;
  switch (frame.kind) {
    case wire::FrameKind::log:
      owner->workerLogged(static_cast<std::uint32_t>(frame.status), message.text);
      break;
    case wire::FrameKind::misbehaved:
      owner->workerMisbehaved(frame.request, message.text);
      break;
    case wire::FrameKind::metric:
      owner->workerMeasured(message.text, std::bit_cast<double>(frame.request));
      break;
    case wire::FrameKind::closeStream:
      owner->workerClosedStream(frame.request);
      break;
    default:
      kill("it said on its control socket what a worker does not say");
  }
  return true;
}

bool WorkerProcess::outputReadable() {
  char text[4096];
  const auto count = ::read(_output, text, sizeof text);
  if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
  if (const auto owner = this->owner()) owner->workerWrote({text, static_cast<std::size_t>(count)});
  return true;
}

void WorkerProcess::ended(WorkerEnd end) {
  _dead.store(true, std::memory_order_release);
  {
    const std::lock_guard lock(_mutex);
    _end = end;
  }
  _changed.notify_all();
  if (const auto owner = this->owner()) owner->workerEnded();
}

std::uint64_t WorkerProcess::checkDeadlines(std::uint64_t nowNs) noexcept {
  const std::unique_lock lock(_mutex, std::try_to_lock);
  if (!lock.owns_lock()) return nowNs + 1;  // in a moment
  std::uint64_t nearest = 0;
  for (const auto& lane : _lanes) {
    const auto at = lane->killAtNs.load();
    if (at == 0 || !alive()) continue;
    if (nowNs >= at) {
      if (_killedBecause.empty()) _killedBecause = "a call did not end at its deadline";
      _dead.store(true, std::memory_order_release);
      ::syscall(SYS_pidfd_send_signal, _handle, SIGKILL, nullptr, 0);
      return 0;
    }
    if (nearest == 0 || at < nearest) nearest = at;
  }
  return nearest;
}

std::uint64_t WorkerProcess::memoryBytes() const noexcept {
  if (!alive()) return 0;
  try {
    std::ifstream status("/proc/" + std::to_string(_process) + "/status");
    for (std::string word; status >> word;)
      if (word == "VmRSS:") {
        std::uint64_t kilobytes = 0;
        status >> kilobytes;
        return kilobytes * 1024;
      }
  } catch (...) {
    // Unknown.
  }
  return 0;
}

}  // namespace dispatch::plugin
