#include "base/problem.hpp"
#include "config/config.hpp"

#include <cstdlib>
#include <filesystem>

namespace dispatch::config {

namespace fs = std::filesystem;

Paths Paths::under(const std::string& prefix) {
  Paths paths;
  paths.prefix = prefix;
  const bool system = prefix == "/usr";
  const std::string root = prefix == "/" ? "" : prefix;
  paths.etc = system ? "/etc/dispatch" : root + "/etc/dispatch";
  paths.var = system ? "/var/lib/dispatch" : root + "/var/lib/dispatch";
  paths.run = system ? "/run/dispatch" : root + "/var/run/dispatch";
  paths.log = system ? "/var/log/dispatch" : root + "/var/log/dispatch";
  paths.plugins = root + "/lib/dispatch/plugins";
  paths.worker = root + "/libexec/dispatch/dispatch-worker";
  std::error_code error;
  // In a build tree all programs lie side by side.
  if (const auto beside = root + "/bin/dispatch-worker";
      !fs::exists(paths.worker, error) && fs::exists(beside, error))
    paths.worker = beside;
  paths.web = root + "/share/dispatch/web";
  paths.contracts = root + "/share/dispatch/contracts";
  paths.trust = root + "/share/dispatch/trust";
  paths.packages = paths.var + "/packages";
  return paths;
}

Paths Paths::discover(const std::optional<std::string>& configDirectory) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error)
    throw Problem(Problem::Kind::internal, "cannot tell where this program lies: /proc/self/exe: " +
                                               error.message() + "; mount /proc");
  Paths paths = under(program.parent_path().parent_path().string());

  const char* given = std::getenv("DISPATCH_CONFIG_DIR");
  std::string wanted = configDirectory.value_or(given ? given : "");
  if (wanted.empty()) return paths;
  const std::string asked = configDirectory ? "--config" : "DISPATCH_CONFIG_DIR";
  paths.etc = fs::absolute(wanted).lexically_normal().string();
  if (paths.etc.size() > 1 && paths.etc.back() == '/') paths.etc.pop_back();
  if (!fs::is_directory(paths.etc, error))
    throw Problem(Problem::Kind::invalid,
                  asked + ": expected a directory that holds .env and dispatch.yaml, found " +
                      (error ? error.message() : "something else") + " at " + paths.etc +
                      "; create it or correct the path");
  return paths;
}

}  // namespace dispatch::config
