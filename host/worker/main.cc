// dispatch-worker: the process that an isolated plugin lives in. Started by the host alone, with a control
// socket and a sealed library as descriptors 3 and 4; everything else it is told. See docs/architecture.md,
// "Two homes".
#include "worker/lane.hpp"
#include "worker/plugin_library.hpp"
#include "worker/sandbox.hpp"

#include "wire/wire.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#if defined(__SANITIZE_THREAD__)
/// A worker's environment is empty, so that this is said here: without it each end takes a second longer, and
/// a plugin that ends its worker is taken for one that hangs.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "atexit_sleep_ms=0"; }
#endif

namespace {

using namespace dispatch;
using worker::Lane;

void say(wire::FrameKind kind, std::string_view text) {
  wire::Frame frame;
  frame.kind = kind;
  wire::send(wire::controlDescriptor, frame, text);
}

void introduce(const worker::PluginLibrary& plugin, const wire::SandboxLevel& level) {
  static std::uint8_t memory[8192];
  wire::Area area(memory, sizeof memory);
  wire::Writer writer(area);
  writer.word(static_cast<std::uint64_t>(level.landlock));
  writer.word(level.seccomp);
  writer.word(level.ownUser);
  plugin.introduce(writer);
  say(wire::FrameKind::hello, {reinterpret_cast<const char*>(memory), area.used()});
}

/// The host's control messages, until it is gone.
int serve(worker::PluginLibrary& plugin) {
  std::map<std::uint32_t, std::unique_ptr<Lane>> lanes;
  wire::Message message;
  std::vector<char> buffer;
  while (wire::receive(wire::controlDescriptor, message, buffer)) {
    const auto& frame = message.frame;
    if (frame.kind == wire::FrameKind::openLane && message.descriptors.size() == 2) {
      auto& lane = lanes[frame.lane];
      lane = std::make_unique<Lane>(message.descriptors[0], message.descriptors[1], plugin);
      try {
        std::thread([running = lane.get()] { running->run(); }).detach();
      } catch (const std::system_error& error) {
        std::fprintf(stderr,
                     "No thread for another call (%s): the plugin may have started as many as it may.\n",
                     error.what());
        ::_exit(1);
      }
    } else if (frame.kind == wire::FrameKind::cancel) {
      if (const auto lane = lanes.find(frame.lane); lane != lanes.end()) lane->second->cancel(frame.request);
    }
  }
  ::_exit(0);  // not exit(): lanes may still be in the plugin
}

int run() {
  wire::Message message;
  std::vector<char> buffer;
  if (!wire::receive(wire::controlDescriptor, message, buffer)) return 1;
  wire::Setup setup;
  if (message.frame.kind != wire::FrameKind::setup || message.text.size() != sizeof setup) {
    say(wire::FrameKind::failed,
        "the worker was started by another version of Dispatch. Install both from one build.");
    return 1;
  }
  std::memcpy(&setup, message.text.data(), sizeof setup);
  if (std::strcmp(setup.version, DISPATCH_VERSION) != 0) {
    say(wire::FrameKind::failed, std::string("the worker is version ") + DISPATCH_VERSION + ", its host " +
                                     setup.version + ". Install both from one build.");
    return 1;
  }
  wire::Spin::allow({setup.spinNs, setup.spinCalls});
  wire::SandboxLevel level;
  try {
    level = worker::Sandbox::enter(setup);
  } catch (const std::exception& error) {
    say(wire::FrameKind::failed, std::string("the sandbox could not be closed (") + error.what() +
                                     "). Nothing of the plugin was run.");
    return 1;
  }
  worker::PluginLibrary plugin(setup, wire::controlDescriptor);
  if (const auto wrong = plugin.load(); !wrong.empty()) {
    say(wire::FrameKind::failed, wrong);
    return 1;
  }
  introduce(plugin, level);
  return serve(plugin);
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
/// The search for leaks stops the other threads by ptrace, which a worker may not.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

int main() {
  if (::fcntl(wire::controlDescriptor, F_GETFD) < 0) {
    std::fputs(
        "dispatch-worker is started by the Dispatch server for each isolated plugin; it does nothing by "
        "itself.\n"
        "See `dispatch plugins show ID` for the home of a plugin.\n",
        stderr);
    return 2;
  }
  return run();
}
