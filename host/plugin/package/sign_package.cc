// Signs the plugins of this repository while they are built: sdk/cmake calls it by DISPATCH_SIGN_COMMAND.
//
//   dispatch-sign-package generate KEY_FILE TRUST_FILE   make a key unless it is there; write what trusts it
//   dispatch-sign-package sign KEY_FILE ID VERSION FILE  sign FILE, write FILE.minisig
#include "base/json.hpp"
#include "base/problem.hpp"
#include "plugin/package/atomic_file.hpp"
#include "plugin/package/minisign.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace minisign = dispatch::plugin::minisign;

std::string readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    throw dispatch::Problem(dispatch::Problem::Kind::notFound, path + " cannot be read; expected is a file.");
  return text.str();
}

minisign::SecretKey readKey(const std::string& path) {
  return minisign::parseSecretKey(readFile(path), "", path);
}

void generate(const std::string& keyFile, const std::string& trustFile) {
  namespace fs = std::filesystem;
  for (const auto& file : {keyFile, trustFile}) fs::create_directories(fs::path(file).parent_path());
  if (!fs::exists(keyFile)) {
    const auto made = minisign::generate();
    dispatch::plugin::writeFileAtomically(keyFile, made.file(), 0600);
  }
  fs::last_write_time(keyFile, fs::file_time_type::clock::now());  // for the build: it is up to date
  const auto key = readKey(keyFile).publicKey();
  const dispatch::Json trust{{"keys",
                              {{{"name", "This build of Dispatch"},
                                {"public_key", key.text()},
                                {"ids", dispatch::Json::array({"*"})}}}}};
  dispatch::plugin::writeFileAtomically(trustFile, trust.dump(2) + '\n', 0644);
}

void sign(const std::string& keyFile, const std::string& id, const std::string& version,
          const std::string& file) {
  const auto mark = "dispatch-plugin:" + id + '@' + version;
  dispatch::plugin::writeFileAtomically(file + ".minisig",
                                        minisign::sign(readKey(keyFile), readFile(file), mark), 0644);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 3 && words[0] == "generate") {
      generate(words[1], words[2]);
    } else if (words.size() == 5 && words[0] == "sign") {
      sign(words[1], words[2], words[3], words[4]);
    } else {
      std::cerr
          << "Usage: dispatch-sign-package generate KEY_FILE TRUST_FILE | sign KEY_FILE ID VERSION FILE\n";
      return 2;
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "dispatch-sign-package: " << error.what() << "\n";
    return 1;
  }
}
