#pragma once

#include <dispatch/sdk/event.hpp>
#include <dispatch/sdk/http.hpp>
#include <dispatch/sdk/operations.hpp>
#include <dispatch/sdk/services.hpp>
#include <dispatch/sdk/stream.hpp>
#include <dispatch/sdk/types.hpp>

namespace dispatch {

/// What every plugin has: its host and the services. A plugin's own class derives from one of the types in
/// <dispatch/sdk.hpp> and has a constructor (const Host&, const Config&), which checks its settings and
/// reaches for nobody. It may have, each found at compile time:
///
///   void start(const Call&);                                  begin work: threads, connections; may fail and
///   be tried again void reconfigure(const Call&, const Config&);             take on other settings; a throw
///   leaves the old ones in force void drain(const Call&);                                  end long waits
///   void stop(const Call&);                                   undo start: afterwards no thread of the
///   instance runs TestReport test(const Call&, const Json& input);          prove that the settings work
///   Effect effectOf(std::string_view method) const;           say a better effect than the contract's
///
/// Its methods run on as many threads at once as plugin.json says in max_concurrency.
class Plugin {
 public:
  explicit Plugin(const Host& host) : _host(host) {}
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

 protected:
  ~Plugin() = default;

  const Host& host() const noexcept { return _host; }
  Log log() const { return Log(_host); }
  Clock clock() const { return Clock(_host); }
  Http http() const { return Http(_host); }
  Stream connect(const Call& call, const Stream::Options& options) const { return {_host, call, options}; }
  Crypto crypto() const { return Crypto(_host); }
  Kv kv() const { return Kv(_host); }
  Directory directory() const { return Directory(_host); }
  Events events() const { return Events(_host); }
  Metrics metrics() const { return Metrics(_host); }
  Commands commands() const { return Commands(_host); }
  Audit audit() const { return Audit(_host); }

 private:
  Host _host;
};

}  // namespace dispatch
