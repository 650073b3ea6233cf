#include "cli/secret_resolver.hpp"

#include "base/base.hpp"
#include "integrations/integrations.hpp"

namespace dispatch::cli {

namespace {

Problem cannot(const std::string& name, const std::string& provider, const std::string& why) {
  return Problem(Problem::Kind::invalid,
                 name + " cannot be decrypted by the secret provider " + provider + ": " + why, {name});
}

}  // namespace

SecretResolver::SecretResolver(const config::Settings& settings, std::function<plugin::Catalog&()> catalog)
    : _settings(settings), _catalog(std::move(catalog)) {}

SecretResolver::~SecretResolver() {
  for (auto& [id, instance] : _providers) instance->drainAndStop();
}

std::string SecretResolver::defaultProvider() const {
  const std::string id = _settings.text("SECRET_PROVIDER");
  return id == "none" ? "" : id;
}

std::shared_ptr<plugin::Instance> SecretResolver::provider(const std::string& id,
                                                           const std::string& forSetting) {
  std::lock_guard lock(_mutex);
  if (const auto found = _providers.find(id); found != _providers.end()) return found->second;
  auto& catalog = _catalog();
  const auto installed = catalog.find(id);
  if (!installed || !installed->usable || installed->manifest.type != "secret-provider") {
    std::string known;
    for (const auto& package : catalog.list())
      if (package.usable && package.manifest.type == "secret-provider")
        known += (known.empty() ? "" : ", ") + package.id;
    const std::string why = !installed           ? "no such plugin is installed"
                            : !installed->usable ? installed->reason
                                                 : "it is a plugin of type " + installed->manifest.type;
    throw cannot(forSetting, id, why + ". Installed secret providers: " + (known.empty() ? "none" : known));
  }
  try {
    // A provider's own secret cannot come through a provider; it stands plain or in a file.
    const auto plain = [](const std::string&, const std::string& stored) {
      return config::SecretText(stored);
    };
    auto instance = catalog.create(id, {id, 0, 0, 0},
                                   integrations::hostConfiguration(installed->manifest, _settings, plain));
    const auto outcome = instance->start();
    if (!outcome.ok()) throw Problem(Problem::Kind::unavailable, outcome.message);
    return _providers[id] = instance;
  } catch (const Problem& problem) {
    throw cannot(forSetting, id,
                 std::string("the provider cannot start: ") + problem.what() + ". It is configured by " +
                     integrations::variableOf(id, "") + "… variables");
  }
}

config::SecretText SecretResolver::resolve(const std::string& name, const std::string& stored) {
  std::string id, inside = stored;
  if (stored.starts_with("ENC[") && stored.ends_with("]")) {
    const auto comma = stored.find(',');
    if (comma == std::string::npos || comma == 4)
      throw Problem(Problem::Kind::invalid,
                    name + " begins with ENC[ but is not of the form ENC[provider,ciphertext]", {name});
    id = stored.substr(4, comma - 4);
    inside = stored.substr(comma + 1, stored.size() - comma - 2);
  } else if (stored.starts_with("secret://")) {
    const auto slash = stored.find('/', 9);
    if (slash == std::string::npos || slash == 9)
      throw Problem(Problem::Kind::invalid,
                    name + " begins with secret:// but is not of the form secret://provider/reference",
                    {name});
    id = stored.substr(9, slash - 9);
    inside = stored.substr(slash + 1);
  } else {
    id = defaultProvider();
    if (id.empty()) return config::SecretText(stored);
  }
  const auto instance = provider(id, name);
  auto outcome = instance->decrypt(name, inside);
  if (outcome.ok()) return outcome.secret;
  throw cannot(
      name, id,
      (outcome.message.empty() ? "it gave no reason" : outcome.message) +
          (id == defaultProvider() && inside == stored
               ? " (SECRET_PROVIDER is set, so this setting must be encrypted: dispatch secret encrypt " +
                     name + ")"
               : ""));
}

std::string SecretResolver::encrypt(const std::string& providerId, const std::string& name,
                                    std::string_view plaintext) {
  const auto outcome = provider(providerId, name)->encrypt(name, plaintext);
  if (!outcome.ok())
    throw Problem(Problem::Kind::invalid, "The secret provider " + providerId + " could not encrypt " + name +
                                              ": " + outcome.message);
  return "ENC[" + providerId + "," +
         (outcome.value.is_string() ? outcome.value.get<std::string>() : dumpJson(outcome.value)) + "]";
}

}  // namespace dispatch::cli
