#pragma once

#include "plugin/plugin.hpp"

#include <memory>
#include <string>
#include <vector>

namespace dispatch::kit {

/// Where the parts of an installation are that the tool works with.
struct Equipment {
  std::string contracts;     ///< share/dispatch/contracts
  std::string templates;     ///< share/dispatch/templates
  std::string worker;        ///< dispatch-worker
  std::string trust;         ///< share/dispatch/trust
  std::string operators;     ///< etc/dispatch/trust.d
  std::string headers = {};  ///< include/dispatch: the SDK's
  std::string plugins = {};  ///< lib/dispatch/plugins: what came with the installation

  /// Of the installation whose bin/ holds this program. Throws Problem(notFound) where the contracts are
  /// missing.
  static Equipment discover();
};

/// What the services kv, directory and credential give here: an empty memory of its own, nobody, no account.
/// [any-thread]
class QuietOutside final : public plugin::Outside {
 public:
  std::optional<std::string> kvGet(const plugin::Scope& scope, const std::string& key) override;
  void kvPut(const plugin::Scope& scope, const std::string& key, const std::string& value) override;
  void kvRemove(const plugin::Scope& scope, const std::string& key) override;
  std::vector<std::string> kvList(const plugin::Scope& scope, const std::string& prefix) override;
  Json directory(const plugin::Scope& scope, const std::string& what, const Json& query) override;
  Verdict verifyCredential(const std::string& account, std::string_view password) override;
  void createCredential(const std::string& account, std::string_view password) override;
  void replaceCredential(const std::string& account, std::string_view password) override;
  Json submitEvent(const plugin::Scope& scope, const plugin::Event& event) override;
  void audit(const plugin::Scope& scope, const std::string& what, const Json& details) override;
  void recordAudit(const plugin::Scope& scope, const std::string& action, const std::string& subject,
                   const Json& details) override;

 private:
  std::mutex _mutex;
  std::map<std::pair<std::int64_t, std::string>, std::string> _kv;
};

/// One package on the server's own loader, in one home, alone. Its log lines are kept. One per process: it
/// takes over the logger "dispatch".
class Bench {
 public:
  /// `searchPath` holds the package's directory; it runs whether it is signed or not. `allowPrivate`: its
  /// permitted destinations may be in private networks, as with an entry in dispatch.yaml. `http` watches its
  /// requests or answers them. Throws Problem with the loader's refusal.
  Bench(const Equipment& equipment, const std::string& searchPath, const std::string& id,
        const std::string& home, bool allowPrivate = false, std::shared_ptr<plugin::HttpNetwork> http = {});
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  const plugin::Installed& installed() const { return _installed; }
  const Json& contract() const;  ///< of its type
  /// An instance with a configuration as an operator would write it. Throws Problem with the plugin's
  /// sentence.
  std::shared_ptr<plugin::Instance> create(const Json& configuration, std::uint64_t revision = 1);
  /// The same, started.
  std::shared_ptr<plugin::Instance> started(const Json& configuration);
  /// Lines so far, each "level message".
  std::vector<std::string> logLines() const;

 private:
  class Lines;
  Lines* _lines;
  QuietOutside _outside;
  std::unique_ptr<plugin::Catalog> _catalog;
  plugin::Installed _installed;
  std::int64_t _lastInstance = 0;
};

}  // namespace dispatch::kit
