#include "auth/accounts.hpp"

#include "auth/audit.hpp"
#include "auth/generation.hpp"
#include "base/base.hpp"

#include <Poco/Logger.h>

#include <algorithm>
#include <cctype>

namespace dispatch::auth {

namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

store::Row needUser(store::Session& session, std::string_view email) {
  auto row =
      session.one("SELECT id, email, is_active FROM dispatch_user WHERE lower(email) = ?", {lower(email)});
  if (!row)
    throw Problem(Problem::Kind::notFound,
                  "Nobody with the address " + std::string(email) +
                      " has registered yet. They register on the page /default/auth/register, or here with: "
                      "dispatch user register " +
                      std::string(email));
  return *row;
}

/// ends: everything that was given out before now for this user.
void endAccess(store::Session& session, std::int64_t userId, std::int64_t sparedSessionId) {
  session.execute("DELETE FROM session WHERE user_id = ? AND id <> ?", {userId, sparedSessionId});
  session.execute("UPDATE dispatch_user SET sessions_ended_at = ?, updated_at = ? WHERE id = ?",
                  {nowText(), nowText(), userId});
}

/// Whether the organization would be left without anybody who can administer it.
bool isLastAdmin(store::Session& session, std::int64_t userId, std::int64_t organizationId) {
  const auto others = session.one(
      "SELECT count(*) AS n FROM user_organization JOIN dispatch_user ON dispatch_user.id = user_id"
      " WHERE organization_id = ? AND role IN ('Owner', 'Manager', 'Admin') AND is_active = ? AND user_id <> "
      "?",
      {organizationId, true, userId});
  return others->integer("n") == 0;
}

bool isLastOwner(store::Session& session, std::int64_t userId, std::int64_t organizationId) {
  const auto others = session.one(
      "SELECT count(*) AS n FROM user_organization JOIN dispatch_user ON dispatch_user.id = user_id"
      " WHERE organization_id = ? AND role = 'Owner' AND is_active = ? AND user_id <> ?",
      {organizationId, true, userId});
  return others->integer("n") == 0;
}

}  // namespace

void addMember(store::Session& session, std::int64_t userId, std::int64_t organizationId, Role role) {
  session.execute(
      "INSERT INTO user_organization (user_id, organization_id, role, created_at, updated_at) VALUES (?, ?, "
      "?, ?, ?)"
      " ON CONFLICT DO NOTHING",
      {userId, organizationId, std::string(toText(role)), nowText(), nowText()});
  const auto project = session.one(
      "SELECT id FROM project WHERE organization_id = ? ORDER BY CASE WHEN \"default\" THEN 0 ELSE 1 END, id"
      " LIMIT 1",
      {organizationId});
  if (project)
    session.execute(
        "INSERT INTO user_project (user_id, project_id, role, is_default, created_at, updated_at) VALUES (?, "
        "?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        {userId, project->integer("id"), std::string("Member"), true, nowText(), nowText()});
  publishAccess(session, organizationId, "user_organization", userId);
}

Accounts::Accounts(store::Database& database, Passwords& passwords)
    : _database(database), _passwords(passwords) {}

void Accounts::checkEmail(std::string_view email) {
  const auto at = email.find('@');
  const bool shaped =
      at != std::string_view::npos && at > 0 && at + 1 < email.size() &&
      email.find('@', at + 1) == std::string_view::npos && email.size() <= 254 && at <= 64 &&
      std::none_of(email.begin(), email.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= ' ' || byte == 0x7f || c == ',' || c == ';' || c == '<' || c == '>' || c == '"';
      });
  if (!shaped)
    throw Problem(Problem::Kind::invalid,
                  "An e-mail address like name@example.com is wanted here, at most 254 characters long",
                  {"email"});
}

std::int64_t Accounts::insert(store::Session& session, std::string_view email,
                              const std::optional<std::string>& hash, std::int64_t organizationId, Role role,
                              std::string_view actor) {
  if (session.one("SELECT id FROM dispatch_user WHERE lower(email) = ?", {lower(email)}))
    throw Problem(Problem::Kind::conflict, "A user with this email already exists.", {"email"});
  const auto id =
      session.insert("dispatch_user", {{"email", std::string(email)},
                                       {"password_hash", hash ? store::Value(*hash) : store::Value()},
                                       {"is_active", true},
                                       {"created_at", nowText()},
                                       {"updated_at", nowText()}});
  if (organizationId != 0) addMember(session, id, organizationId, role);
  auditUser(session, organizationId, actor, email, "user.create", id,
            {{"email", std::string(email)},
             {"role", organizationId != 0 ? std::string(toText(role)) : std::string()}});
  return id;
}

std::int64_t Accounts::create(std::string_view email, std::string_view password, std::int64_t organizationId,
                              Role role, std::string_view actor) {
  checkEmail(email);
  const auto hash = _passwords.hash(password);
  return _database.transactReturning<std::int64_t>(
      [&](store::Session& session) { return insert(session, email, hash, organizationId, role, actor); });
}

std::int64_t Accounts::createExternal(std::string_view email, std::int64_t organizationId) {
  checkEmail(email);
  return _database.transactReturning<std::int64_t>([&](store::Session& session) {
    return insert(session, email, std::nullopt, organizationId, Role::member, "");
  });
}

Passwords::Verdict Accounts::verify(std::string_view email, std::string_view password) {
  std::string encoded;
  std::int64_t id = 0;
  {
    const auto row = _database.session()->one(
        "SELECT id, password_hash, is_active FROM dispatch_user WHERE lower(email) = ?", {lower(email)});
    if (row) {
      id = row->integer("id");
      if (row->boolean("is_active")) encoded = row->text("password_hash");
    }
  }
  const auto verdict = _passwords.verify(encoded, password);
  if (verdict != Passwords::Verdict::rightButOld) return verdict;
  try {
    const auto hash = _passwords.hash(password);
    // Only over the hash that was just verified: somebody may have set another password meanwhile.
    _database.session()->execute(
        "UPDATE dispatch_user SET password_hash = ? WHERE id = ? AND password_hash = ?", {hash, id, encoded});
  } catch (const Problem& problem) {
    Poco::Logger::get("dispatch.auth")
        .warning("The old password hash of user %s stays for now: %s", std::to_string(id),
                 std::string(problem.what()));
  }
  return Passwords::Verdict::right;
}

void Accounts::setPassword(std::string_view email, std::string_view password, std::string_view actor) {
  const auto hash = _passwords.hash(password);
  std::int64_t spared = 0;
  {
    std::lock_guard lock(_sparedMutex);
    for (const auto& [address, sessionId] : _spared)
      if (address == lower(email)) spared = sessionId;
  }
  _database.transact([&](store::Session& session) {
    const auto user = needUser(session, email);
    const auto id = user.integer("id");
    session.execute("UPDATE dispatch_user SET password_hash = ? WHERE id = ?", {hash, id});
    endAccess(session, id, spared);
    auditUser(session, 0, actor, email, "user.password", id, Json::object());
    publishAccess(session, 0, "dispatch_user", id);
  });
}

void Accounts::setRole(std::string_view email, std::string_view organizationSlug, Role role,
                       std::string_view actor) {
  _database.transact([&](store::Session& session) {
    const auto organization =
        session.one("SELECT id FROM organization WHERE slug = ?", {std::string(organizationSlug)});
    if (!organization) {
      std::string known;
      for (const auto& row : session.query("SELECT slug FROM organization ORDER BY slug LIMIT 10"))
        known += (known.empty() ? "" : ", ") + row.text("slug");
      throw Problem(Problem::Kind::notFound,
                    "There is no organization \"" + std::string(organizationSlug) + "\"; there is " +
                        (known.empty() ? "none yet (run: dispatch database init)" : known));
    }
    const auto user = needUser(session, email);
    const auto userId = user.integer("id"), organizationId = organization->integer("id");
    const auto before =
        session.one("SELECT role FROM user_organization WHERE user_id = ? AND organization_id = ?",
                    {userId, organizationId});
    const std::string held = before ? before->text("role") : "";
    if (held == toText(role)) return;
    if (held == "Owner" && isLastOwner(session, userId, organizationId))
      throw Problem(Problem::Kind::conflict, user.text("email") + " is the last Owner of the organization " +
                                                 std::string(organizationSlug) +
                                                 ". Make somebody else an Owner first");
    if (!held.empty() && held != "Member" && role == Role::member &&
        isLastAdmin(session, userId, organizationId))
      throw Problem(Problem::Kind::conflict,
                    user.text("email") + " is the last who administers the organization " +
                        std::string(organizationSlug) + ". Make somebody else an Admin first");
    addMember(session, userId, organizationId, role);
    session.execute(
        "UPDATE user_organization SET role = ?, updated_at = ? WHERE user_id = ? AND organization_id = ?",
        {std::string(toText(role)), nowText(), userId, organizationId});
    auditUser(session, organizationId, actor, email, "user.role", userId,
              {{"from", held}, {"to", std::string(toText(role))}});
    publishAccess(session, organizationId, "user_organization", userId);
  });
}

void Accounts::setActive(std::string_view email, bool active, std::string_view actor) {
  _database.transact([&](store::Session& session) {
    const auto user = needUser(session, email);
    const auto id = user.integer("id");
    if (user.boolean("is_active") == active) return;
    if (!active) {
      for (const auto& row :
           session.query("SELECT organization_id, slug FROM user_organization JOIN organization"
                         " ON organization.id = organization_id WHERE user_id = ? AND role = 'Owner'",
                         {id}))
        if (isLastOwner(session, id, row.integer("organization_id")))
          throw Problem(Problem::Kind::conflict,
                        user.text("email") + " is the last Owner of the organization " + row.text("slug") +
                            ". Make somebody else an Owner first");
      endAccess(session, id, 0);
    }
    session.execute("UPDATE dispatch_user SET is_active = ?, updated_at = ? WHERE id = ?",
                    {active, nowText(), id});
    auditUser(session, 0, actor, email, active ? "user.activate" : "user.deactivate", id, Json::object());
    publishAccess(session, 0, "dispatch_user", id);
  });
}

bool Accounts::lacksAdmin(std::int64_t organizationId) {
  return !_database.session()->one(
      "SELECT user_id FROM user_organization JOIN dispatch_user ON dispatch_user.id = user_id"
      " WHERE organization_id = ? AND role <> 'Member' AND is_active = ? LIMIT 1",
      {organizationId, true});
}

std::optional<Accounts::Account> Accounts::find(std::string_view email) {
  for (auto& account : list())
    if (lower(account.email) == lower(email)) return account;
  return std::nullopt;
}

std::vector<Accounts::Account> Accounts::list(std::optional<std::string_view> organizationSlug) {
  const auto session = _database.session();
  std::vector<Account> accounts;
  std::map<std::int64_t, std::size_t> places;
  for (const auto& row : session->query(
           "SELECT id, email, is_active, password_hash IS NOT NULL AS has_password, last_login_at, created_at"
           " FROM dispatch_user ORDER BY lower(email)")) {
    Account account;
    account.id = row.integer("id");
    account.email = row.text("email");
    account.active = row.boolean("is_active");
    account.hasPassword = row.boolean("has_password");
    account.lastLoginAt = row.text("last_login_at");
    account.createdAt = row.text("created_at");
    places[account.id] = accounts.size();
    accounts.push_back(std::move(account));
  }
  for (const auto& row : session->query(
           "SELECT user_id, role, slug FROM user_organization JOIN organization ON organization.id ="
           " organization_id ORDER BY slug"))
    if (const auto place = places.find(row.integer("user_id")); place != places.end())
      accounts[place->second].roles.emplace_back(row.text("slug"), row.text("role"));
  if (organizationSlug)
    std::erase_if(accounts, [&](const Account& account) {
      return std::none_of(account.roles.begin(), account.roles.end(),
                          [&](const auto& role) { return role.first == *organizationSlug; });
    });
  return accounts;
}

Accounts::Sparing::Sparing(Accounts& accounts, std::string_view email, std::int64_t sessionId)
    : _accounts(accounts), _email(lower(email)) {
  std::lock_guard lock(_accounts._sparedMutex);
  _accounts._spared.emplace_back(_email, sessionId);
}

Accounts::Sparing::~Sparing() {
  std::lock_guard lock(_accounts._sparedMutex);
  const auto found = std::find_if(_accounts._spared.begin(), _accounts._spared.end(),
                                  [&](const auto& entry) { return entry.first == _email; });
  if (found != _accounts._spared.end()) _accounts._spared.erase(found);
}

}  // namespace dispatch::auth
