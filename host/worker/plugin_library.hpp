#pragma once

#include "wire/wire.hpp"

#include <dispatch/abi.h>

#include <atomic>
#include <string>
#include <tuple>

namespace dispatch::worker {

class WorkerCall;

/// The one plugin of this process: its library, and the one instance made of it.
class PluginLibrary {
 public:
  PluginLibrary(const wire::Setup& setup, int control);

  /// Loads the sealed library that the host gave. Returns what is wrong in the host's words ("cannot be
  /// loaded: …"), or "".
  std::string load();
  /// What its query table says: the text of a `hello` frame.
  void introduce(wire::Writer& writer) const;

  /// `services`: granted ones, bits of wire::serviceBit().
  dispatch_status create(WorkerCall& call, std::uint64_t services, dispatch_str configuration) noexcept;
  /// Which functions it has and which methods it lists, after create and reconfigure.
  void describe(wire::Writer& writer) const;

  dispatch_instance* instance() const noexcept { return _instance; }
  template <class Table>
  const Table* table() const noexcept {
    return std::get<const Table*>(_tables);
  }
  int control() const noexcept { return _control; }
  std::uint64_t services() const noexcept { return _services; }

 private:
  const wire::Setup _setup;
  const int _control;
  std::uint64_t _services = 0;  ///< none before create: constructors find no host
  dispatch_host _host{};
  const dispatch_plugin_v1* _plugin = nullptr;
  dispatch_instance* _instance = nullptr;
  /// The plugin's own and those of its interfaces; nullptr for what it has not.
  template <class... Tables>
  static std::tuple<const dispatch_plugin_v1*, const Tables*...> pointersTo(const std::tuple<Tables...>&);
  decltype(pointersTo(wire::InterfaceTables())) _tables;
};

}  // namespace dispatch::worker
