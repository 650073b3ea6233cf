#pragma once

#include <dispatch/sdk/call.hpp>

#include <string>
#include <string_view>

namespace dispatch {

/// The host as an instance sees it; a view, cheap to copy, valid until the instance is destroyed.
class Host {
 public:
  explicit Host(const dispatch_host* raw) : _raw(raw) {}
  const dispatch_host* raw() const noexcept { return _raw; }
  std::string_view name() const noexcept { return view(_raw->name); }
  std::string_view version() const noexcept { return view(_raw->version); }

  /// The table of a service, or null where this host does not have it or the operator has not granted it.
  template <class Table>
  const Table* find(std::string_view id) const noexcept {
    return static_cast<const Table*>(_raw->service(_raw, str(id)));
  }
  /// The same; throws Failure(UNSUPPORTED) instead.
  template <class Table>
  const Table& need(std::string_view id) const {
    const Table* table = find<Table>(id);
    if (table == nullptr)
      throw Failure::unsupported(
          "This host does not offer " + std::string(id) +
          " to the plugin: it is too old, or plugin.json does not ask for the service.");
    return *table;
  }

 private:
  const dispatch_host* _raw;
};

namespace sdk {

/// Throws what a service answered, unless that is DISPATCH_OK. Where the host left its own sentence, that one
/// stands.
inline void check(dispatch_status status, std::string_view what) {
  if (status == DISPATCH_OK) return;
  throw Failure(status < 0 ? status : DISPATCH_ERR_INTERNAL, std::string(what));
}

}  // namespace sdk
}  // namespace dispatch
