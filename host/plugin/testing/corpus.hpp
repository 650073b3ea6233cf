#pragma once

#include "plugin/testing/fixture.hpp"

#include <string>
#include <vector>

namespace dispatch::plugin::testing {

/// A plugin that must not get as far as to be created, in whatever home. `name` is its file in
/// tests/abi/corpus, unless `damage` makes it of the sound one.
struct LoadFailure {
  std::string name;
  std::string rule;      ///< the one that refuses it: of packageChecks(), libraryRules() or tableRules(), or
                         ///< "elf" (ElfImage::parse), "loader" (what runs when it is loaded, or its query)
  std::string sentence;  ///< a part of what an operator reads
  void (*damage)(PackageFiles& package) = nullptr;
};
void PrintTo(const LoadFailure& failure, std::ostream* out);
const std::vector<LoadFailure>& loadFailures();

/// How it ends that a plugin is created, started and asked for its method "create", once or more.
struct CallFailure {
  const char* name;
  const char* step;         ///< that fails: "create", "start", "call"; "" = none, it answers
  const char* process;      ///< a part of the failure's sentence in the host's process; "" = it answers there
  const char* worker;       ///< and in a worker
  const char* logged = "";  ///< a part of a line in the log, in both homes
};
void PrintTo(const CallFailure& failure, std::ostream* out);
const std::vector<CallFailure>& callFailures();

/// One that ends the process which it lives in.
struct Death {
  const char* name;
  const char* method;     ///< of the record
  int signal;             ///< that the flight recorder catches; 0 = none (exit, kill, used up stack)
  const char* worker;     ///< how its worker ended, in words
  bool sanitized = true;  ///< ends so also where a sanitizer reports it first
};
void PrintTo(const Death& death, std::ostream* out);
const std::vector<Death>& deaths();

/// Names of every package of the corpus, as they were built.
std::vector<std::string> corpusNames();
/// The package that lies there, without its signature.
PackageFiles packageIn(const std::string& directory);
/// The package of that name; `id` is "corpus-" and the name with hyphens.
PackageFiles corpusPackage(const std::string& name);
std::string corpusId(const std::string& name);
PackageFiles packageOf(const LoadFailure& failure);

/// How far one got: the step that failed ("load", "create", "start", "call") and why; "" = it answered.
struct Ending {
  std::string step, sentence;
};

/// A plugin host with the sound plugin of the corpus installed, under the published contracts.
class CorpusTest : public ::testing::Test {
 protected:
  CorpusTest();
  void install(const PackageFiles& package);
  /// Scans; every plugin gets `home`.
  Catalog& open(const std::string& home);
  /// Creates, starts and asks a plugin of the corpus, as the server would.
  Ending ask(const std::string& name) { return askPlugin(corpusId(name)); }
  Ending askPlugin(const std::string& id);

  TemporaryDirectory directory;
  CatalogOptions options;
  FakeOutside outside;
  std::unique_ptr<Catalog> opened;
  /// To the end of the test: what a plugin does with a call that has ended harms nobody while its instance
  /// lives.
  std::vector<std::shared_ptr<Instance>> instances;
};

}  // namespace dispatch::plugin::testing
