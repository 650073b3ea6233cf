#include "plugin/package/minisign.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>
#include <sodium.h>

#include <cstdlib>

namespace dispatch::plugin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

template <class Work>
std::string refusal(Work&& work) {
  try {
    work();
    return "";
  } catch (const Problem& problem) {
    return problem.what();
  }
}

TEST(Minisign, VerifiesWhatItSignedAndNothingElse) {
  const auto key = minisign::generate();
  const auto signature = minisign::parseSignature(minisign::sign(key, "message", "a comment"), "it");
  EXPECT_TRUE(signature.prehashed);
  EXPECT_EQ(signature.trustedComment, "a comment");
  EXPECT_TRUE(minisign::verify(key.publicKey(), signature, "message"));
  EXPECT_FALSE(minisign::verify(key.publicKey(), signature, "massage"));
  EXPECT_FALSE(minisign::verify(key.publicKey(), signature, ""));
  EXPECT_FALSE(minisign::verify(minisign::generate().publicKey(), signature, "message"));
}

TEST(Minisign, EveryChangedPartOfASignatureIsNoticed) {
  const auto key = minisign::generate();
  const auto sound = minisign::parseSignature(minisign::sign(key, "message", "a comment"), "it");
  const auto refused = [&](auto change) {
    auto changed = sound;
    change(changed);
    EXPECT_FALSE(minisign::verify(key.publicKey(), changed, "message"));
  };
  for (std::size_t i = 0; i < sound.signature.size(); ++i) {
    refused([&](auto& changed) { changed.signature[i] ^= 1; });
    refused([&](auto& changed) { changed.globalSignature[i] ^= 1; });
  }
  refused([](auto& changed) { changed.trustedComment += ' '; });
  refused([](auto& changed) { changed.trustedComment.clear(); });
  refused([](auto& changed) { changed.keyId[0] ^= 1; });
  refused([](auto& changed) { changed.prehashed = false; });
}

TEST(Minisign, KeysSurviveBeingWrittenAndRead) {
  const auto key = minisign::generate();
  const auto read = minisign::parseSecretKey(key.file(), "", "it");
  EXPECT_EQ(read.key, key.key);
  EXPECT_EQ(read.publicKey(), key.publicKey());
  EXPECT_EQ(minisign::parsePublicKey(key.publicKey().text(), "it"), key.publicKey());
  EXPECT_EQ(minisign::parsePublicKey("untrusted comment: x\r\n" + key.publicKey().text() + "\r\n", "it"),
            key.publicKey());
}

/// As `minisign -G` writes it, but with a key derivation that does not take a gigabyte.
std::string encrypted(const minisign::SecretKey& key, const std::string& password) {
  const std::uint64_t operations = 32768, memory = 16777216;
  std::string bytes = "EdScB2" + std::string(32, 's');
  for (const auto number : {operations, memory})
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(number >> (8 * i));
  std::string open(key.id.begin(), key.id.end());
  open.append(key.key.begin(), key.key.end());
  const auto over = "Ed" + open;
  unsigned char sum[32];
  crypto_generichash(sum, sizeof sum, reinterpret_cast<const unsigned char*>(over.data()), over.size(),
                     nullptr, 0);
  open.append(sum, sum + sizeof sum);
  std::string stream(open.size(), '\0');
  EXPECT_EQ(crypto_pwhash_scryptsalsa208sha256(reinterpret_cast<unsigned char*>(stream.data()), stream.size(),
                                               password.data(), password.size(),
                                               reinterpret_cast<const unsigned char*>(bytes.data()) + 6,
                                               operations, memory),
            0);
  for (std::size_t i = 0; i < open.size(); ++i) bytes += static_cast<char>(open[i] ^ stream[i]);
  return "untrusted comment: minisign encrypted secret key\n" + toBase64(bytes) + "\n";
}

TEST(Minisign, AnEncryptedKeyOpensWithItsPasswordOnly) {
  const auto key = minisign::generate();
  const auto file = encrypted(key, "correct horse");
  EXPECT_EQ(minisign::parseSecretKey(file, "correct horse", "it").publicKey(), key.publicKey());
  EXPECT_THAT(refusal([&] { minisign::parseSecretKey(file, "battery staple", "my.key"); }),
              AllOf(HasSubstr("my.key does not open with this password"), Not(HasSubstr("staple"))));
  EXPECT_THAT(refusal([&] { minisign::parseSecretKey(file, "", "my.key"); }),
              HasSubstr("its password is needed"));
}

TEST(Minisign, AKeyThatAsksForTooMuchWorkIsRefusedUnopened) {
  auto bytes = "EdScB2" + std::string(32, 's') + std::string(16, '\xff') + std::string(104, 'x');
  EXPECT_THAT(refusal([&] { minisign::parseSecretKey(toBase64(bytes), "x", "my.key"); }),
              HasSubstr("more work to open it than minisign ever does"));
}

TEST(Minisign, GarbledFilesAreRefusedWithWhatIsExpected) {
  const auto key = minisign::generate();
  const auto text = minisign::sign(key, "message", "comment");
  for (std::size_t size = 0; size + 1 < text.size(); ++size)
    EXPECT_NE(refusal([&] { minisign::parseSignature(text.substr(0, size), "it"); }), "") << size;
  EXPECT_THAT(refusal([&] { minisign::parseSignature(text + "more\n", "it"); }),
              HasSubstr("it goes on after its last line"));
  EXPECT_THAT(refusal([&] { minisign::parseSignature(std::string(10000, 'x'), "it"); }), HasSubstr("8192"));
  EXPECT_THAT(refusal([&] { minisign::parsePublicKey("", "it"); }), HasSubstr("it starts with RW"));
  EXPECT_THAT(refusal([&] { minisign::parsePublicKey("RWQ=", "it"); }), HasSubstr("42 bytes in base64"));
  EXPECT_THAT(refusal([&] { minisign::parseSecretKey(key.publicKey().text(), "", "it"); }),
              AllOf(HasSubstr("no secret key"), Not(HasSubstr(key.publicKey().text()))));
  EXPECT_THAT(refusal([&] { minisign::sign(key, "message", "two\nlines"); }), HasSubstr("one line"));
}

TEST(Minisign, IdsAreKnownWithoutTheirLeadingZeros) {
  const minisign::KeyId id{0x6E, 0x98, 0xB6, 0xBC, 0x6C, 0x66, 0x11, 0x09};
  EXPECT_EQ(minisign::keyIdText(id), "0911666CBCB6986E");
  for (const auto* text : {"0911666CBCB6986E", "911666CBCB6986E", "911666cbcb6986e"})
    EXPECT_TRUE(minisign::namesKeyId(text, id)) << text;
  for (const auto* text : {"", "0", "11666CBCB6986E", "911666CBCB6986E0", "00911666CBCB6986E"})
    EXPECT_FALSE(minisign::namesKeyId(text, id)) << text;
}

/// Against Debian's minisign, which has to be there: config/packages/test.txt names it.
class MinisignTool : public ::testing::Test {
 protected:
  int run(const std::string& words) const {
    const auto command = "cd " + directory.path() + " && minisign " + words + " </dev/null >said 2>&1";
    return std::system(command.c_str());
  }
  void need(const std::string& words) const {
    ASSERT_EQ(run(words), 0) << "minisign " << words << ": " << testing::readFile(directory / "said");
  }
  testing::TemporaryDirectory directory;
  const std::string message = "{\"id\": \"tiny\"}\n";
};

TEST_F(MinisignTool, AcceptsWhatIsSignedHere) {
  const auto key = minisign::generate();
  testing::writeFile(directory / "plugin.json", message);
  testing::writeFile(directory / "plugin.json.minisig",
                     minisign::sign(key, message, "dispatch-plugin:tiny@1.0.0"));
  need("-V -H -P " + key.publicKey().text() + " -m plugin.json");
  EXPECT_THAT(testing::readFile(directory / "said"),
              HasSubstr("Trusted comment: dispatch-plugin:tiny@1.0.0"));
  testing::writeFile(directory / "plugin.json", message + " ");
  EXPECT_NE(run("-V -P " + key.publicKey().text() + " -m plugin.json"), 0);
}

TEST_F(MinisignTool, SignsWhatIsAcceptedHereBothWays) {
  need("-G -W -f -p it.pub -s it.key");
  testing::writeFile(directory / "plugin.json", message);
  const auto key = minisign::parsePublicKey(testing::readFile(directory / "it.pub"), "it.pub");
  for (const std::string legacy : {"", "-l "}) {
    need("-S " + legacy + "-s it.key -t 'dispatch-plugin:tiny@1.0.0' -m plugin.json");
    const auto signature =
        minisign::parseSignature(testing::readFile(directory / "plugin.json.minisig"), "plugin.json.minisig");
    EXPECT_EQ(signature.prehashed, legacy.empty());
    EXPECT_EQ(signature.trustedComment, "dispatch-plugin:tiny@1.0.0");
    EXPECT_TRUE(minisign::verify(key, signature, message));
    EXPECT_FALSE(minisign::verify(key, signature, message + " "));
  }
  auto comment = testing::readFile(directory / "it.pub");
  comment = comment.substr(0, comment.find('\n'));
  EXPECT_TRUE(minisign::namesKeyId(comment.substr(comment.rfind(' ') + 1), key.id)) << comment;
}

TEST_F(MinisignTool, MakesKeysThatSignHere) {
  need("-G -W -f -p it.pub -s it.key");
  const auto key = minisign::parseSecretKey(testing::readFile(directory / "it.key"), "", "it.key");
  EXPECT_EQ(key.publicKey(), minisign::parsePublicKey(testing::readFile(directory / "it.pub"), "it.pub"));
  testing::writeFile(directory / "plugin.json", message);
  testing::writeFile(directory / "plugin.json.minisig", minisign::sign(key, message, "made here"));
  need("-V -p it.pub -m plugin.json");
}

TEST_F(MinisignTool, SignsWithKeysMadeHere) {
  const auto key = minisign::generate();
  testing::writeFile(directory / "it.key", key.file());
  testing::writeFile(directory / "plugin.json", message);
  need("-S -s it.key -m plugin.json");
  const auto signature = minisign::parseSignature(testing::readFile(directory / "plugin.json.minisig"), "it");
  EXPECT_TRUE(minisign::verify(key.publicKey(), signature, message));
}

}  // namespace
}  // namespace dispatch::plugin
