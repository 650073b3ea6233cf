// libFuzzer target: minisign's signature files and keys. The first byte chooses which.
//
// Sources: host/plugin/package/minisign.cpp host/base/problem.cpp host/base/random.cpp
// Libraries: -lsodium -lPocoFoundation
#include "fuzzing.hpp"
#include "plugin/package/minisign.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dispatch;
  namespace minisign = plugin::minisign;
  if (size == 0) return 0;
  const auto text = textOf(data + 1, size - 1);
  static const auto key = minisign::generate();
  switch (data[0]) {
    case 's':
      accepted([&] {
        const auto signature = minisign::parseSignature(text, "it");
        require(signature.trustedComment.size() <= 1024, "a comment has its limit");
        require(signature.trustedComment.find('\n') == std::string::npos, "a comment is one line");
        require(!minisign::verify(key.publicKey(), signature, "message"), "nobody forges a signature");
      });
      break;
    case 'p':
      accepted([&] {
        const auto read = minisign::parsePublicKey(text, "it");
        require(minisign::parsePublicKey(read.text(), "it") == read, "what was read is written the same");
      });
      break;
    default:
      // No password: a key derivation is a second's work and not ours.
      accepted([&] {
        const auto read = minisign::parseSecretKey(text, "", "it");
        require(minisign::parseSecretKey(read.file(), "", "it").key == read.key,
                "what was read is written the same");
      });
  }
  return 0;
}
