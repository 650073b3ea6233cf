#include "auth/accounts.hpp"
#include "base/problem.hpp"

#include <crypt.h>
#include <sodium.h>

#include <condition_variable>
#include <cstring>
#include <stdexcept>

namespace dispatch::auth {

namespace {

// OWASP ASVS 5.0 appendix C: argon2id, 19 MiB, two passes, one lane.
constexpr unsigned long long passes = 2;
constexpr std::size_t memory = 19 * 1024 * 1024;
constexpr std::size_t longest = 1024;  // bytes; argon2 takes more, a form need not

std::string hashed(std::string_view password) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium could not be initialised (no random source?)");
  char encoded[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(encoded, password.data(), password.size(), passes, memory,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw Problem(Problem::Kind::unavailable, "There is not enough free memory to hash a password (19 MiB)")
        .withRetryAfter(1000);
  return encoded;
}

/// What an account that does not exist is compared with.
const std::string& nobody() {
  static const std::string encoded = hashed("nobody has this password, and it is long");
  return encoded;
}

bool bcryptMatches(const std::string& encoded, std::string_view password) {
  struct crypt_data data {};
  const std::string text(password);
  const char* result =
      text.find('\0') == std::string::npos ? crypt_r(text.c_str(), encoded.c_str(), &data) : nullptr;
  const bool same = result && result[0] == '$' && std::strlen(result) == encoded.size() &&
                    sodium_memcmp(result, encoded.data(), encoded.size()) == 0;
  sodium_memzero(&data, sizeof data);
  return same;
}

}  // namespace

/// Lets few hashes run and few more wait: a flood of logins takes neither all memory nor everybody's time.
struct Passwords::Gate {
  std::mutex mutex;
  std::condition_variable freed;
  std::size_t running = 0, waiting = 0;
  const std::size_t mayRun, mayWait;

  Gate(std::size_t run, std::size_t wait) : mayRun(run), mayWait(wait) {}

  /// A place at the gate for the life of the object; false if there was none.
  struct Place {
    Gate& gate;
    bool taken = false;
    explicit Place(Gate& at) : gate(at) {
      std::unique_lock lock(gate.mutex);
      if (gate.running >= gate.mayRun) {
        if (gate.waiting >= gate.mayWait) return;
        ++gate.waiting;
        gate.freed.wait(lock, [&] { return gate.running < gate.mayRun; });
        --gate.waiting;
      }
      ++gate.running;
      taken = true;
    }
    ~Place() {
      if (!taken) return;
      {
        std::lock_guard lock(gate.mutex);
        --gate.running;
      }
      gate.freed.notify_one();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
  };
};

Passwords::Passwords(std::size_t concurrent, std::size_t waiting)
    : _gate(std::make_shared<Gate>(concurrent, waiting)) {
  nobody();
}

std::string Passwords::hash(std::string_view password) {
  if (password.size() > longest)
    throw Problem(Problem::Kind::invalid, "A password may have at most 1024 bytes", {"password"});
  const Gate::Place place(*_gate);
  if (!place.taken)
    throw Problem(Problem::Kind::tooMany,
                  "Too many people are logging in at this moment; try again in a few seconds")
        .withRetryAfter(3000);
  return hashed(password);
}

Passwords::Verdict Passwords::verify(std::string_view encoded, std::string_view password) {
  const Gate::Place place(*_gate);
  if (!place.taken) return Verdict::busy;
  const std::string stored(encoded);
  const bool usable = password.size() <= longest;
  if (stored.starts_with("$2"))
    return usable && bcryptMatches(stored, password) ? Verdict::rightButOld : Verdict::wrong;
  const bool known = stored.starts_with("$argon2") && usable;
  const std::string& compared = known ? stored : nobody();
  const bool same = crypto_pwhash_str_verify(compared.c_str(), usable ? password.data() : "",
                                             usable ? password.size() : 0) == 0;
  if (!same || !known) return Verdict::wrong;
  return crypto_pwhash_str_needs_rehash(stored.c_str(), passes, memory) == 0 ? Verdict::right
                                                                             : Verdict::rightButOld;
}

}  // namespace dispatch::auth
