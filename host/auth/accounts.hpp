#pragma once

#include "auth/principal.hpp"
#include "config/config.hpp"
#include "store/store.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::auth {

/// Passwords: argon2id (libsodium, 19 MiB, t=2; OWASP ASVS 5.0 appendix C), at most a few hashes at a time,
/// bcrypt of an imported database verified and re-hashed. [any-thread]
class Passwords {
 public:
  explicit Passwords(std::size_t concurrent = 2, std::size_t waiting = 32);

  std::string hash(std::string_view password);  ///< throws Problem(tooMany) when too many wait
  enum class Verdict { right, rightButOld, wrong, busy };
  /// An empty `encoded` (no such account) takes the same time as a wrong password.
  Verdict verify(std::string_view encoded, std::string_view password);
  /// Throws Problem(invalid) naming the rule: length (ASVS 6.2.1: at least 15, or 8
  /// where a second factor follows), common, contains the address
  /// or product name.
  static void checkPolicy(std::string_view password, std::string_view email, std::size_t shortest = 15);

 private:
  struct Gate;
  std::shared_ptr<Gate> _gate;
};

/// Users of the installation and their membership. Addresses are compared without case. [any-thread]
///
/// Every change of a role, membership, password or activity is audited, told to open pages and other hosts as
/// an event
/// ("user_organization" or "dispatch_user" with data {"user_id"}), and in force in this process when the
/// function returns.
class Accounts {
 public:
  Accounts(store::Database& database, Passwords& passwords);

  /// Makes a user, with `role` in `organizationId` and its default project; organization 0 makes one without
  /// membership, who becomes Member where they first log in. Does not check the password policy. Throws
  /// Problem(conflict) if the address is taken, Problem(invalid) if it is none. `actor`: who did it, for the
  /// audit; empty = the person themselves.
  std::int64_t create(std::string_view email, std::string_view password, std::int64_t organizationId,
                      Role role = Role::member, std::string_view actor = "");
  /// The same without a password: who comes from an identity provider.
  std::int64_t createExternal(std::string_view email, std::int64_t organizationId);
  /// `wrong` also for no such account, no password, deactivated - in the same time. An old hash is replaced
  /// when it was right.
  Passwords::Verdict verify(std::string_view email, std::string_view password);
  void setPassword(std::string_view email, std::string_view password,
                   std::string_view actor = "");  ///< ends all sessions of the user
  /// Also makes them a member where they are none. Refuses to take the role from the last Owner. Throws
  /// Problem(notFound) for an unknown address or organization, with what to do.
  void setRole(std::string_view email, std::string_view organizationSlug, Role role,
               std::string_view actor = "");
  /// Deactivating ends all sessions. Refuses to deactivate the last Owner of an organization.
  void setActive(std::string_view email, bool active, std::string_view actor = "");
  /// Whether the organization still lacks somebody who can administer it (Admin, Manager or Owner).
  bool lacksAdmin(std::int64_t organizationId);

  struct Account {
    std::int64_t id = 0;
    std::string email, lastLoginAt, createdAt;
    bool active = false, hasPassword = false;
    std::vector<std::pair<std::string, std::string>> roles;  ///< organization slug, role
  };
  std::optional<Account> find(std::string_view email);
  std::vector<Account> list(std::optional<std::string_view> organizationSlug = std::nullopt);

  /// While the object lives, setPassword for this address spares the one session: a person who changes their
  /// own password stays logged in where they did it.
  class Sparing {
   public:
    Sparing(Accounts& accounts, std::string_view email, std::int64_t sessionId);
    ~Sparing();
    Sparing(const Sparing&) = delete;
    Sparing& operator=(const Sparing&) = delete;

   private:
    Accounts& _accounts;
    std::string _email;
  };

  /// Throws Problem(invalid) at {"email"} unless it has the form of an address.
  static void checkEmail(std::string_view email);

 private:
  std::int64_t insert(store::Session& session, std::string_view email, const std::optional<std::string>& hash,
                      std::int64_t organizationId, Role role, std::string_view actor);

  store::Database& _database;
  Passwords& _passwords;
  std::mutex _sparedMutex;
  std::vector<std::pair<std::string, std::int64_t>> _spared;
};

/// Puts the user into the organization and its default project, inside the caller's transaction. Nothing if
/// they are a member.
void addMember(store::Session& session, std::int64_t userId, std::int64_t organizationId, Role role);

}  // namespace dispatch::auth
