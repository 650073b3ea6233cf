#pragma once

#include <dispatch/sdk/plugin.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace dispatch {

/// What a poll came to.
struct Polled {
  std::string cursor{};  ///< where the next poll goes on: text of any form, up to 64 KiB
  bool more = false;     ///< there is more already, or a connection stays open: asked again at once
  std::chrono::milliseconds next{0};  ///< when to be asked again, 1 s to a day; 0: after 60 s
};

/// A plugin that looks outside by itself. Write
///   Polled poll(const Call&, std::string_view cursor)
///                          tell what came since `cursor` (events()), and say where to go on. Empty: the
///                          first poll, or a person wants it to start over. A throw has the host ask again
///                          later, from the same cursor.
/// A plugin of any other type may have it as well.
class SourcePlugin : public Plugin {
 public:
  using Plugin::Plugin;
  using IsSource = void;

 protected:
  ~SourcePlugin() = default;
};

}  // namespace dispatch
