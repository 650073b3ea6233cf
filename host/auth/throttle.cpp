#include "auth/throttle.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace dispatch::auth {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t largest = 50000;

}  // namespace

std::string throttledAddress(const std::string& address) {
  in6_addr parsed{};
  if (inet_pton(AF_INET6, address.c_str(), &parsed) != 1) return address;
  if (IN6_IS_ADDR_V4MAPPED(&parsed)) return address;
  std::fill(parsed.s6_addr + 8, parsed.s6_addr + 16, std::uint8_t{0});
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, &parsed, text, sizeof text) ? std::string(text) + "/64" : address;
}

milliseconds Throttle::waitOf(const Count& count) const {
  const auto left = std::chrono::duration_cast<milliseconds>(count.until - _clock());
  return std::max(left, milliseconds(0));
}

void Throttle::fail(Count& count, const Rule& rule) {
  const auto moment = _clock();
  if (moment - count.last > std::chrono::hours(1)) count.failures = 0;
  count.last = moment;
  ++count.failures;
  const int over = count.failures - rule.free;
  if (over <= 0) return;
  const auto wait =
      std::min<std::int64_t>(rule.longest.count(), rule.first.count() << std::min(over - 1, 20));
  count.until = moment + milliseconds(wait);
}

void Throttle::clean() {
  const auto moment = _clock();
  for (auto* counts : {&_pairs, &_addresses, &_accounts}) {
    if (counts->size() < largest) continue;
    std::erase_if(*counts, [&](const auto& entry) {
      return moment - entry.second.last > minutes(10) && !entry.second.trusted;
    });
    if (counts->size() >= largest)
      counts->clear();  // a flood from everywhere: memory first, the hashing gate still stands
  }
}

milliseconds Throttle::enter(const std::string& account, const std::string& address) {
  const std::string from = throttledAddress(address);
  const std::string both = account + "\n" + from;
  std::lock_guard lock(_mutex);
  clean();
  auto& pair = _pairs[both];
  auto& source = _addresses[from];
  auto wait = std::max(waitOf(pair), waitOf(source));
  Count* target = account.empty() || pair.trusted ? nullptr : &_accounts[account];
  if (target) wait = std::max(wait, waitOf(*target));
  if (wait.count() > 0) return wait;
  if (account.empty()) {
    fail(pair, {200, seconds(10), minutes(15)});
    return milliseconds(0);
  }
  fail(pair, {5, seconds(2), minutes(15)});
  fail(source, {60, seconds(1), minutes(5)});
  if (target) fail(*target, Rule{100, milliseconds(500), seconds(30)});
  return milliseconds(0);
}

void Throttle::succeeded(const std::string& account, const std::string& address) {
  if (account.empty()) return;  // two hundred accounts an hour from one place are enough, made or refused
  abandoned(account, address);
  std::lock_guard lock(_mutex);
  auto& pair = _pairs[account + "\n" + throttledAddress(address)];
  pair = {};
  pair.last = _clock();
  pair.trusted = true;
}

void Throttle::abandoned(const std::string& account, const std::string& address) {
  const std::string from = throttledAddress(address);
  std::lock_guard lock(_mutex);
  const auto takeBack = [](std::unordered_map<std::string, Count>& counts, const std::string& key) {
    if (const auto found = counts.find(key); found != counts.end() && found->second.failures > 0) {
      --found->second.failures;
      found->second.until = {};
    }
  };
  takeBack(_pairs, account + "\n" + from);
  if (account.empty()) return;
  takeBack(_addresses, from);
  takeBack(_accounts, account);
}

}  // namespace dispatch::auth
