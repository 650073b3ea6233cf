#include "worker/plugin_library.hpp"

#include "worker/lane.hpp"
#include "worker/services.hpp"

#include <dlfcn.h>

#include <cstring>

namespace dispatch::worker {

namespace {

constexpr std::uint32_t maxMethods = 256;

dispatch_str str(const char* text) { return {text, std::strlen(text)}; }

const void* service(const dispatch_host* host, dispatch_str id) noexcept {
  const auto* library = static_cast<const PluginLibrary*>(host->host_data);
  return library == nullptr ? nullptr : serviceTable(library->services(), id);
}

}  // namespace

PluginLibrary::PluginLibrary(const wire::Setup& setup, int control) : _setup(setup), _control(control) {
  _host.struct_size = sizeof _host;
  _host.abi_minor = DISPATCH_ABI_MINOR;
  _host.name = str("dispatch");
  _host.version = str(_setup.version);
  _host.host_data = this;
  _host.service = service;
}

std::string PluginLibrary::load() {
  ::dlerror();
  const auto path = "/proc/self/fd/" + std::to_string(wire::libraryDescriptor);
  auto* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return std::string("cannot be loaded: ") + (why == nullptr ? "the loader does not say why" : why) + '.';
  }
  auto query = reinterpret_cast<dispatch_plugin_query_v1_fn>(::dlsym(library, DISPATCH_QUERY_SYMBOL));
  if (query == nullptr) return std::string("has no function ") + DISPATCH_QUERY_SYMBOL + '.';
  try {
    _plugin = query();
  } catch (...) {
    return "lets an exception out of its query function, which nothing may cross. Build it again with the "
           "SDK.";
  }
  return {};
}

void PluginLibrary::introduce(wire::Writer& writer) const {
  writer.word(_plugin == nullptr ? 0 : 1);
  if (_plugin == nullptr) return;
  const auto has = [&](auto member) {
    return wire::reaches(*_plugin, member) && _plugin->*member != nullptr ? 1u : 0u;
  };
  // A table too short to be read is told as such; the host's check refuses it.
  constexpr auto least = offsetof(dispatch_plugin_v1, get_interface) + sizeof(_plugin->get_interface);
  const bool readable = _plugin->struct_size >= least && _plugin->struct_size <= 64 * 1024;
  writer.word(_plugin->struct_size);
  if (!readable) return;
  writer.word(_plugin->abi_minor);
  writer.word(has(&dispatch_plugin_v1::create));
  writer.word(has(&dispatch_plugin_v1::destroy));
  writer.word(has(&dispatch_plugin_v1::get_interface));
  writer.word(has(&dispatch_plugin_v1::start));
  writer.word(has(&dispatch_plugin_v1::reconfigure));
  writer.word(has(&dispatch_plugin_v1::drain));
  writer.word(has(&dispatch_plugin_v1::stop));
  const auto text = [&](dispatch_str value) {
    writer.text(value.len > 1024 ? dispatch_str{nullptr, value.len} : value);
  };
  text(_plugin->id);
  text(_plugin->version);
  text(_plugin->build_info);
}

dispatch_status PluginLibrary::create(WorkerCall& call, std::uint64_t services,
                                      dispatch_str configuration) noexcept {
  if (_plugin == nullptr || _plugin->create == nullptr) return DISPATCH_ERR_INTERNAL;
  _services = services;
  dispatch_instance* made = nullptr;
  dispatch_status status;
  try {
    status = _plugin->create(&_host, call.abi(), configuration, &made);
  } catch (...) {
    status = call.fail(DISPATCH_ERR_INTERNAL, "it let an exception cross the plugin boundary", 0);
  }
  if (status == DISPATCH_PENDING)
    return call.fail(DISPATCH_ERR_INTERNAL, "create answered \"pending\", which it may not", 0);
  if (status == DISPATCH_OK && made == nullptr)
    return call.fail(DISPATCH_ERR_INTERNAL, "create answered OK without an instance", 0);
  if (status != DISPATCH_OK) return status;
  _instance = made;
  std::get<const dispatch_plugin_v1*>(_tables) = _plugin;
  const auto find = [&]<class Table>(const Table*& table) {
    if constexpr (!std::is_same_v<Table, dispatch_plugin_v1>) {
      try {
        table = static_cast<const Table*>(_plugin->get_interface(_instance, str(wire::idOf<Table>)));
      } catch (...) {
        table = nullptr;
      }
    }
  };
  std::apply([&](auto*&... tables) { (find(tables), ...); }, _tables);
  return DISPATCH_OK;
}

void PluginLibrary::describe(wire::Writer& writer) const {
  wire::FunctionSet interfaces = 0, functions = 0;
  std::uint64_t place = 0;
  std::apply([&](auto*... tables) { ((interfaces |= tables != nullptr ? 1u << place : 0u, ++place), ...); },
             _tables);
  place = 0;
  const auto look = [&]<auto Member>()->bool {
    using Table = typename wire::SignatureOf<Member>::Table;
    const auto* found = table<Table>();
    const bool there = found != nullptr && wire::reaches(*found, Member) && found->*Member != nullptr;
    functions |= there ? wire::FunctionSet{1} << place : 0;
    ++place;
    return there;
  };
  wire::PluginFunctions::each<bool>(look);
  writer.word(interfaces);
  writer.word(functions);

  const auto* integration = table<dispatch_integration_1>();
  const bool listed = integration != nullptr && wire::reaches(*integration, &dispatch_integration_1::methods);
  const std::uint32_t count = listed ? integration->method_count : 0;
  const bool readable = listed && integration->methods != nullptr && count <= maxMethods;
  writer.word(count);
  writer.word(readable ? 1 : 0);
  for (std::uint32_t i = 0; readable && i < count; ++i) {
    const auto* method = integration->methods[i];
    const bool named =
        method != nullptr && wire::reaches(*method, &dispatch_method::name) && method->name.len <= 64;
    writer.word(named ? 1 : 0);
    if (!named) continue;
    writer.word(method->effect);
    writer.word(method->contract_revision);
    writer.text(method->name);
  }
}

}  // namespace dispatch::worker
