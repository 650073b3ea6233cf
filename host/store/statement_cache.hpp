#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace dispatch::store {

/// The most recently used prepared statements of one connection, by their SQL. `Statement` releases what it
/// holds when it is destroyed. Not shared between threads.
template <class Statement>
class StatementCache {
 public:
  explicit StatementCache(std::size_t capacity) : _capacity(capacity) {}

  /// nullptr if `sql` was not prepared or has been forgotten. The pointer holds until the next add() or
  /// clear().
  Statement* find(std::string_view sql) {
    const auto found = _index.find(sql);
    if (found == _index.end()) return nullptr;
    _recent.splice(_recent.begin(), _recent, found->second);
    return &found->second->second;
  }

  Statement& add(std::string sql, Statement statement) {
    if (_recent.size() >= _capacity) {
      _index.erase(_recent.back().first);
      _recent.pop_back();
    }
    _recent.emplace_front(std::move(sql), std::move(statement));
    _index.emplace(_recent.front().first, _recent.begin());
    return _recent.front().second;
  }

  void remove(std::string_view sql) {
    const auto found = _index.find(sql);
    if (found == _index.end()) return;
    const auto entry = found->second;
    _index.erase(found);
    _recent.erase(entry);
  }

  void clear() {
    _index.clear();
    _recent.clear();
  }

  template <class Visitor>
  void forEach(const Visitor& visitor) {
    for (auto& entry : _recent) visitor(entry.second);
  }

  std::size_t size() const { return _recent.size(); }

 private:
  using Entries = std::list<std::pair<std::string, Statement>>;

  std::size_t _capacity;
  Entries _recent;  // front = used last; nodes never move, so the index may view their keys
  std::unordered_map<std::string_view, typename Entries::iterator> _index;
};

}  // namespace dispatch::store
