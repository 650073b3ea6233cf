#include "plugin/testing/corpus.hpp"

#include "base/problem.hpp"
#include "plugin/package/elf_image.hpp"

#include <elf.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>

namespace dispatch::plugin::testing {

namespace {

/// The library of a package, to be changed; call hash() afterwards.
std::string& libraryOf(PackageFiles& package) {
  return package.files.at(textOr(package.manifest, "library"));
}

template <class T>
void setHeader(PackageFiles& package, std::size_t offset, T value) {
  std::memcpy(libraryOf(package).data() + offset, &value, sizeof value);
  package.hash();
}

}  // namespace

const std::vector<LoadFailure>& loadFailures() {
  static const std::vector<LoadFailure> all{
      // The manifest.
      {"abi_major_unknown", "manifest", "abi", [](PackageFiles& package) { package.manifest["abi"] = "2"; }},
      // The file.
      {"truncated", "elf", "(truncated?)",
       [](PackageFiles& package) {
         libraryOf(package).resize(libraryOf(package).size() / 2);
         package.hash();
       }},
      {"wrong_class", "elf", "not of the 64-bit class",
       [](PackageFiles& package) { setHeader(package, EI_CLASS, char{ELFCLASS32}); }},
      {"wrong_byte_order", "elf", "not little endian",
       [](PackageFiles& package) { setHeader(package, EI_DATA, char{ELFDATA2MSB}); }},
      {"not_a_library", "elf", "not a shared object",
       [](PackageFiles& package) { setHeader(package, offsetof(Elf64_Ehdr, e_type), Elf64_Half{ET_EXEC}); }},
      {"not_elf", "elf", "does not begin with the ELF magic number",
       [](PackageFiles& package) {
         libraryOf(package) = "#!/bin/sh\necho this is no library\n";
         package.hash();
       }},
      {"wrong_machine", "machine", "built for another machine",
       [](PackageFiles& package) {
         const Elf64_Half other = ElfImage::hostMachine() == EM_X86_64 ? EM_AARCH64 : EM_X86_64;
         setHeader(package, offsetof(Elf64_Ehdr, e_machine), other);
       }},
      {"missing_symbol", "query-symbol", "does not export dispatch_plugin_query_v1"},
      {"query_v2", "query-symbol", "another major version of the ABI"},
      {"second_export", "one-export", "corpus_helper"},
      {"unique_symbol", "no-unique", "UNIQUE symbols"},
      {"needs_library", "needed-libraries", "libssl.so.3"},
      {"lazy_binding", "bind-now", "-z now -z relro"},
      {"no_relro", "bind-now", "-z now -z relro"},
      {"text_relocation", "no-text-relocations", "text relocations"},
      {"writable_code", "no-text-relocations", "needs its code to be writable"},
      {"executable_stack", "no-executable-stack", "-z noexecstack"},
      {"runpath", "no-search-paths", "/opt/elsewhere"},
      {"rpath", "no-search-paths", "/opt/elsewhere"},
      {"has_auxiliary", "no-search-paths", "libelsewhere.so"},
      // What runs when it is loaded.
      {"constructor_aborts", "loader", "by signal 6"},
      {"constructor_exits", "loader", "with code 5"},
      {"constructor_hangs", "loader", "may hang while it is loaded"},
      {"query_throws", "loader", "lets an exception out of its query function"},
      // The query table.
      {"null_table", "table-answered", "answers its query with NULL"},
      {"short_table", "table-size", "expected at least"},
      {"huge_table", "table-size", "2147483647 bytes"},
      {"wrong_id", "table-id", "says that it is \"somebody-else\""},
      {"wrong_version", "table-version", "version \"9.9.9\""},
      {"no_create", "table-functions", "has no create"},
      {"no_destroy", "table-functions", "has no destroy"},
      {"no_get_interface", "table-functions", "has no get_interface"},
      {"claims_sanitizer", "table-sanitizer", "built with a sanitizer"},
  };
  return all;
}

const std::vector<CallFailure>& callFailures() {
  static const std::vector<CallFailure> all{
      {"sound", "", "", ""},
      {"create_fails", "create", "has no project of that name", "has no project of that name"},
      {"create_gives_nothing", "create", "OK without an instance", "OK without an instance"},
      {"create_pends", "create", "answered \"pending\"", "answered \"pending\""},
      {"create_throws", "create", "the constructor threw", "the constructor threw"},
      {"create_throws_raw", "create", "cross the plugin boundary", "cross the plugin boundary"},
      {"needs_absent_service", "create", "has no dispatch.telepathy/1", "has no dispatch.telepathy/1"},
      {"methods_null", "create", "it claims 1", "it claims 1"},
      {"methods_too_many", "create", "it claims 4294967295", "it claims 4294967295"},
      {"method_nameless", "create", "number 0 has no name", "number 0 has no name"},
      {"method_of_the_future", "create", "revision 99", "revision 99"},
      {"start_fails", "start", "not up yet", "not up yet"},
      {"no_interface", "call", "create", "create"},
      {"method_not_in_contract", "call", "create", "create", "implements explode"},
      {"alloc_too_much", "call", "20 MiB were not to be had", "20 MiB were not to be had"},
      {"answers_static_memory", "call", "not in the memory of its call", "not in the memory of its call"},
      {"breaks_contract", "call", "resource_id must be text", "resource_id must be text"},
      {"garbage_json", "call", "not valid JSON", "not valid JSON"},
      {"huge_answer", "call", "the most is 16777216", "the most is 16777216"},
      {"no_answer", "call", "its answer is empty", "its answer is empty"},
      {"null_answer", "call", "NULL with a length of 40", "NULL with a length of 40"},
      {"unknown_status", "call", "unknown status 77", "unknown status 77"},
      {"says_nothing", "call", "without saying why", "without saying why"},
      {"throws", "", "", ""},
      {"throws_across", "call", "cross the plugin boundary", "cross the plugin boundary"},
      {"hangs", "call", "stopped, as asked", "stopped, as asked"},
      {"pending_thread", "", "", ""},
      {"pending_until_cancelled", "call", "stopped, as asked", "stopped, as asked"},
      {"answers_after_cancel", "", "", ""},
      {"never_completes", "call", "did not answer create", "did not end in time"},
      {"completes_late", "call", "did not answer create", "did not end in time"},
      {"completes_twice", "", "", "", "completed a call"},
      {"completes_ended_call", "", "", ""},
      {"completes_foreign_call", "call", "did not answer create", "did not end in time"},
      // Nothing but the sandbox refuses these.
      {"constructor_opens_socket", "load", "tries the system call socket", ""},
      {"forks", "call", "", "fork was refused"},
      {"leaks_descriptors", "call", "", "no more descriptors"},
      {"writes_to_stdout", "", "", ""},
  };
  return all;
}

const std::vector<Death>& deaths() {
  static const std::vector<Death> all{
      {"aborts", "create", SIGABRT, "signal 6"},
      {"aborts_in_create", "create", SIGABRT, "signal 6"},
      {"aborts_in_start", "start", SIGABRT, "signal 6"},
      {"aborts_in_thread", "create", SIGABRT, "signal 6"},
      {"throws_in_thread", "create", SIGABRT, "signal 6"},
      {"frees_arena_pointer", "create", SIGABRT, "signal 6", false},
      {"illegal_instruction", "create", SIGILL, "signal 4", false},
      {"divides_by_zero", "create", SIGFPE, "signal 8", false},
      {"segfaults", "create", SIGSEGV, "signal 11", false},
      {"writes_outside_arena", "create", SIGSEGV, "signal 11", false},
      {"allocates_4_gib", "create", SIGSEGV, "signal 11", false},
      {"overflows_stack", "create", 0, "signal 11", false},
      {"exits", "create", 0, "exit code 3", false},
      {"exits_at_once", "create", 0, "exit code 4"},
      {"spins_forever", "create", 0, "did not end at its deadline"},
  };
  return all;
}

void PrintTo(const LoadFailure& failure, std::ostream* out) { *out << failure.name; }
void PrintTo(const CallFailure& failure, std::ostream* out) { *out << failure.name; }
void PrintTo(const Death& death, std::ostream* out) { *out << death.name; }

std::vector<std::string> corpusNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(DISPATCH_CORPUS))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string corpusId(const std::string& name) {
  std::string id = "corpus-" + name;
  std::replace(id.begin(), id.end(), '_', '-');
  return id;
}

PackageFiles corpusPackage(const std::string& name) { return packageIn(DISPATCH_CORPUS "/" + name); }

PackageFiles packageIn(const std::string& directory) {
  PackageFiles package;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const auto file = entry.path().filename().string();
    if (file == "plugin.json")
      package.manifest = Json::parse(readFile(entry.path()));
    else if (file != "plugin.json.minisig")
      package.files[file] = readFile(entry.path());
  }
  return package;
}

PackageFiles packageOf(const LoadFailure& failure) {
  auto package = corpusPackage(failure.damage == nullptr ? failure.name : "sound");
  if (failure.damage != nullptr) failure.damage(package);
  return package;
}

CorpusTest::CorpusTest() {
  options.contractsDirectory = DISPATCH_CONTRACTS;
  options.searchPath = {directory / "plugins"};
  options.trust = [policy = trustFixtures()] { return policy; };
  options.workerProgram = DISPATCH_WORKER_PROGRAM;
  options.crashDirectory = directory / "crash";
}

void CorpusTest::install(const PackageFiles& package) {
  package.write(directory / "plugins/" + textOr(package.manifest, "id"));
}

Catalog& CorpusTest::open(const std::string& home) {
  options.isolation = {{"*", home}};
  install(corpusPackage("sound"));
  instances.clear();
  opened.reset();
  opened = Catalog::open(options, outside);
  return *opened;
}

Ending CorpusTest::askPlugin(const std::string& id) {
  const auto installed = opened->find(id);
  if (!installed) return {"load", "it is not there"};
  if (!installed->usable) return {"load", installed->reason};
  std::shared_ptr<Instance> instance;
  try {
    Scope scope;
    scope.instanceId = 7;
    instance = opened->create(installed->id, scope,
                              makeConfiguration(installed->manifest.configurationSchema, Json::object(), 1));
  } catch (const Problem& problem) {
    return {"create", problem.what()};
  }
  instances.push_back(instance);
  if (const auto outcome = instance->start(); !outcome.ok()) return {"start", outcome.message};
  static const auto example =
      Json::parse(readFile(DISPATCH_CONTRACTS "/ticket.json"))["methods"]["create"]["examples"][0]["input"];
  CallOptions given;
  given.timeout = std::chrono::milliseconds(500);
  const auto outcome = instance->invoke("create", example, given);
  return outcome.ok() ? Ending() : Ending{"call", outcome.message};
}

}  // namespace dispatch::plugin::testing
