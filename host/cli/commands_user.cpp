#include "base/base.hpp"
#include "cli/commands.hpp"

namespace dispatch::cli {

namespace {

auth::Role roleOf(const Json& args, const std::string& fallback) {
  const std::string text = textOr(args, "role", fallback);
  // People write admin as well as Admin; the API takes the exact name only.
  std::string wanted;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    wanted += static_cast<char>(i == 0 ? std::toupper(byte) : std::tolower(byte));
  }
  if (const auto role = auth::parseRole(wanted)) return *role;
  throw Problem(Problem::Kind::invalid,
                "A role is one of Member, Admin, Manager, Owner; found \"" + text + "\"", {"role"});
}

std::int64_t organizationId(store::Database& database, const std::string& slug) {
  const auto session = database.session();
  if (const auto row = session->one("SELECT id FROM organization WHERE slug = ?", {slug}))
    return row->integer("id");
  std::string known;
  for (const auto& row : session->query("SELECT slug FROM organization ORDER BY slug LIMIT 20"))
    known += (known.empty() ? "" : ", ") + row.text("slug");
  throw Problem(Problem::Kind::notFound,
                "There is no organization \"" + slug + "\"; there is " + (known.empty() ? "none yet" : known),
                {"organization"});
}

Json describe(const auth::Accounts::Account& account) {
  Json roles = Json::object();
  for (const auto& [slug, role] : account.roles) roles[slug] = role;
  return {{"id", account.id},
          {"email", account.email},
          {"active", account.active},
          {"password", account.hasPassword},
          {"last_login_at", account.lastLoginAt.empty() ? Json() : Json(account.lastLoginAt)},
          {"created_at", account.createdAt},
          {"roles", roles}};
}

Json show(auth::Accounts& accounts, const std::string& email) {
  const auto account = accounts.find(email);
  if (!account) throw Problem(Problem::Kind::notFound, "Nobody with the address " + email + " is registered");
  return describe(*account);
}

}  // namespace

void addUserCommands(std::map<std::string, Command>& all) {
  all["user.list"] = [](CommandContext& context, const Json& args) {
    const auto slug = textOr(args, "organization");
    if (!slug.empty()) organizationId(context.installation.database(), slug);
    Json list = Json::array();
    for (const auto& account : context.installation.accounts().list(
             slug.empty() ? std::nullopt : std::optional<std::string_view>(slug)))
      list.push_back(describe(account));
    return list;
  };
  all["user.register"] = [](CommandContext& context, const Json& args) {
    const auto email = textOr(args, "email"), password = textOr(args, "password");
    const auto role = roleOf(args, "Member");
    const auto organization =
        organizationId(context.installation.database(), textOr(args, "organization", "default"));
    auth::Accounts::checkEmail(email);
    auth::Passwords::checkPolicy(password, email);
    auto& accounts = context.installation.accounts();
    try {
      accounts.create(email, password, organization, role, textOr(args, "actor"));
    } catch (const Problem& problem) {
      if (problem.kind() != Problem::Kind::conflict) throw;
      throw Problem(
          Problem::Kind::conflict,
          email +
              " is registered already. Give a role with: dispatch user update --role ROLE --organization " +
              textOr(args, "organization", "default") + " " + email +
              "; set a new password with: dispatch user reset " + email);
    }
    return show(accounts, email);
  };
  all["user.update"] = [](CommandContext& context, const Json& args) {
    const auto email = textOr(args, "email");
    auto& accounts = context.installation.accounts();
    if (!textOr(args, "role").empty())
      accounts.setRole(email, textOr(args, "organization", "default"), roleOf(args, ""),
                       textOr(args, "actor"));
    if (args.contains("active")) accounts.setActive(email, args["active"].get<bool>(), textOr(args, "actor"));
    return show(accounts, email);
  };
  all["user.reset"] = [](CommandContext& context, const Json& args) {
    const auto email = textOr(args, "email"), password = textOr(args, "password");
    auth::Passwords::checkPolicy(password, email);
    auto& accounts = context.installation.accounts();
    accounts.setPassword(email, password, textOr(args, "actor"));
    return show(accounts, email);
  };
  all["user.login-link"] = [](CommandContext& context, const Json& args) {
    const auto email = textOr(args, "email"), organization = textOr(args, "organization", "default");
    const std::chrono::minutes lifetime(args.value("minutes", 10));
    auth::LoginLinks links(context.installation.database());
    const auto token = links.make(email, organization, lifetime, textOr(args, "actor"));
    const auto base = context.installation.settings().text("DISPATCH_UI_URL");
    // Behind the #: what follows is in no log, neither of a proxy nor ours.
    return Json{{"url", base + "/" + organization + "/auth/link#" + token},
                {"for", email},
                {"good_for", std::to_string(lifetime.count()) + " minutes, once"}};
  };
}

}  // namespace dispatch::cli
