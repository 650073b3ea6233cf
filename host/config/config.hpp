// Settings: command line > environment > .env > dispatch.yaml > default, each value with its origin; secrets
// held in locked memory, resolved once at start through a secret provider.
#pragma once

#include "base/json.hpp"
#include "config/envelope.hpp"
#include "config/nearest_name.hpp"
#include "config/secret_text.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::config {

/// Where things are. All under the installation's prefix unless DISPATCH_CONFIG_DIR, --config or a setting
/// says otherwise; for the prefix /usr they are /etc/dispatch, /var/lib/dispatch, /run/dispatch and
/// /var/log/dispatch (FHS 3.0).
struct Paths {
  std::string prefix;     ///< derived from the running program: <prefix>/bin/dispatch
  std::string etc;        ///< <prefix>/etc/dispatch: .env and dispatch.yaml
  std::string var;        ///< <prefix>/var/lib/dispatch: database, keys
  std::string run;        ///< <prefix>/var/run/dispatch: pid file, control socket
  std::string log;        ///< <prefix>/var/log/dispatch
  std::string plugins;    ///< <prefix>/lib/dispatch/plugins
  std::string worker;     ///< <prefix>/libexec/dispatch/dispatch-worker; in a build tree, beside it
  std::string web;        ///< <prefix>/share/dispatch/web
  std::string contracts;  ///< <prefix>/share/dispatch/contracts
  std::string trust;      ///< <prefix>/share/dispatch/trust: the key that signed what came with it
  std::string packages;   ///< <var>/packages: plugin packages that the command installed

  /// `configDirectory` (--config), else DISPATCH_CONFIG_DIR, else the prefix decides on `etc`. Throws
  /// Problem(invalid) if a directory that was asked for is none. Settings::load() puts DISPATCH_DATA_DIR and
  /// its like in place.
  static Paths discover(const std::optional<std::string>& configDirectory);
  static Paths under(const std::string& prefix);
};

/// A setting the program knows: its name is the environment's.
struct Setting {
  enum class Kind { text, secret, integer, boolean, list, choice, url, directory, directories };

  std::string name = {};         ///< "DATABASE_HOSTNAME"
  std::string defaultText = {};  ///< "" = none; a directory's depends on the prefix and is not known here
  std::string description = {};  ///< one sentence, shown by `dispatch server config`
  Kind kind = Kind::text;        ///< what load() checks
  std::vector<std::string> aliases = {};  ///< the original's other names for it, e.g. the VITE_ form
  std::vector<std::string> choices = {};  ///< of Kind::choice; found in any case, given as written here
  std::int64_t least = 0, most = 0;       ///< of Kind::integer

  bool secret() const { return kind == Kind::secret; }
};

const std::vector<Setting>& settings();
/// Names of Netflix Dispatch's that have no effect here: no reason to suspect a misspelling.
const std::vector<std::string>& settingsWithoutEffect();

struct Origin {
  std::string source;  ///< "command line", "environment", "/opt/…/.env line 12", "default", …
};

/// Turns a stored secret into its text: `ENC[provider,ciphertext]`, `secret://provider/reference`, or plain.
/// Called with (setting name, stored text); throws Problem naming setting, provider and reason, never the
/// value.
using SecretResolver = std::function<SecretText(const std::string& name, const std::string& stored)>;

/// DATABASE_CREDENTIALS in its parts: `user:password`, cut at the first colon (a password may hold more of
/// them).
struct Credentials {
  std::string user;
  SecretText password;  ///< empty where there is no colon: the server knows the user by other means
};
Credentials splitCredentials(const SecretText& credentials);

/// All settings of this process. Read-only after resolveSecrets(); then [any-thread].
class Settings {
 public:
  /// Reads environment, `.env` and `dispatch.yaml` (its mapping `settings:`) under `paths.etc`. A file may be
  /// absent. Throws Problem(invalid) with file, line, what was found and how to fix it: unreadable or garbled
  /// file, a duplicate key, a wrong type. Unknown keys are collected as warnings with the nearest known name
  /// ("did you mean"). `NAME_FILE` reads the value from that file (Docker secrets), without its last line
  /// end. An empty value counts as given: it hides the sources below, and integer() and boolean() then answer
  /// the default. Relative directories count from the file they stand in, else from the current directory.
  static Settings load(const Paths& paths, const std::map<std::string, std::string>& commandLine = {});

  /// Overwrites every secret that was given in the environment, so that /proc/<pid>/environ and child
  /// processes do not have it. Call once at start, after load() and before the first thread.
  static void forgetEnvironment();

  /// All take a name of settings(), not an alias; one that is not there, or of another kind, is
  /// std::logic_error. What was given has passed load().
  /// The value or the default of anything but a secret.
  std::string text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  bool boolean(std::string_view name) const;  ///< given as true/false, 1/0, yes/no or on/off
  /// Comma separated, trimmed, empty ones dropped.
  std::vector<std::string> list(std::string_view name) const;
  bool has(std::string_view name) const;  ///< given, and not empty
  Origin origin(std::string_view name) const;

  /// Decrypts every secret setting. A placeholder of .env.example, or a value that cannot be decrypted,
  /// throws Problem. DATABASE_CREDENTIALS are left alone while DATABASE_HOSTNAME is empty: nothing reads
  /// them.
  void resolveSecrets(const SecretResolver& resolver);
  /// As stored (possibly ENC[…]) before resolveSecrets(), decrypted after it. Empty if unset.
  const SecretText& secret(std::string_view name) const;

  /// `DISPATCH_PLUGIN_<ID>_<FIELD>` from the environment or .env, where <ID> and <FIELD> are upper case with
  /// every other character as `_`: field (lower case, as written after the prefix) -> (stored text, origin).
  /// `…_<FIELD>_FILE` reads the value from that file. Where one plugin's id begins with another's, both are
  /// given the longer one's fields: go by the plugin's own fields.
  std::map<std::string, std::pair<SecretText, Origin>> pluginFields(std::string_view pluginId) const;

  /// dispatch.yaml as JSON (objects, arrays, text, numbers, booleans), `{}` if the file is absent.
  const Json& yaml() const { return _yaml; }
  std::string yamlPath() const { return _yamlPath; }
  /// Line of a value of yaml() by its JSON pointer ("/plugins/0"), nullopt if it has none.
  std::optional<int> yamlLine(std::string_view pointer) const;

  const std::vector<std::string>& warnings() const { return _warnings; }
  const Paths& paths() const { return _paths; }

  /// For `dispatch server config`: [{name, value (masked if secret), origin, description}].
  Json describe() const;

 private:
  struct Entry;
  struct Loader;

  const Entry& entry(std::string_view name) const;

  Paths _paths;
  Json _yaml = Json::object();
  std::map<std::string, int, std::less<>> _yamlLines;
  std::string _yamlPath;
  std::vector<std::string> _warnings;
  std::map<std::string, std::shared_ptr<Entry>, std::less<>> _entries;
  /// DISPATCH_PLUGIN_… as written, without _FILE.
  std::map<std::string, std::pair<SecretText, Origin>> _pluginFields;
};

}  // namespace dispatch::config
