#pragma once

#include "message.hpp"
#include "settings.hpp"

#include <dispatch/sdk/call.hpp>
#include <dispatch/sdk/stream.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace ldap {

struct Search {
  std::string base;
  std::string baseSetting;  ///< the setting that holds `base`, for sentences about it
  Scope scope = Scope::subtree;
  Filter filter = Filter::anything();
  std::vector<std::string> attributes;
  std::size_t most = 1;  ///< entries
};

struct Found {
  std::vector<Entry> entries;  ///< at most as many as were asked for
  bool more = false;           ///< there are others, or the server would not say
  std::vector<std::string>
      references;  ///< where other servers may have more (RFC 4511 section 4.5.3); not followed
};

/// One conversation with a directory. It only reads, so each step throws Failure that is never UNCERTAIN.
class Session {
 public:
  Session(const dispatch::Host& host, const dispatch::Call& call, const Settings& settings);

  /// Both return what to tell a person about it.
  std::string secure();  ///< StartTLS where the settings ask for it (RFC 4511 section 4.14)
  std::string login();   ///< a simple bind where the settings have a DN (RFC 4511 section 4.2)

  /// In pages where the server knows them (RFC 2696). Throws Failure(NOT_FOUND) where the base is not there.
  Found search(const Search& search);
  void unbind() noexcept;

 private:
  std::string where() const { return _settings.where(); }
  void send(std::vector<dispatch::Part> parts);
  Message receive(int id);
  Message nextMessage();
  std::string notLdap(const char* why) const;
  int timeLimit() const;
  /// One page; returns the cookie for the next, or an empty one.
  std::string page(const Search& search, int pageSize, const std::string& cookie, Found& found);

  dispatch::Host _host;
  const dispatch::Call& _call;
  const Settings& _settings;
  dispatch::Stream _stream;
  std::string _buffer;
  int _lastId = 0;
};

}  // namespace ldap
