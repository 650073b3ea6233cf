#include "plugin/package/package.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"
#include "plugin/library.hpp"
#include "plugin/package/elf_image.hpp"
#include "plugin/testing/fixture.hpp"

#include <elf.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <utility>

namespace dispatch::plugin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::PackageFiles;
using testing::TemporaryDirectory;

class PackageTest : public ::testing::Test {
 protected:
  /// The sentence with which the package is refused; "" if it is not.
  std::string refusal() {
    files.write(path);
    return read();
  }
  std::string read() const {
    try {
      readPackage(path, testing::manifestSchema(), *policy);
      return "";
    } catch (const Problem& problem) {
      EXPECT_EQ(problem.kind(), Problem::Kind::invalid) << problem.what();
      return problem.what();
    }
  }

  TemporaryDirectory directory;
  PackageFiles files{"tiny", "tiny"};
  std::shared_ptr<TrustPolicy> policy = testing::trustFixtures();
  std::string path = directory / "tiny";
};

TEST_F(PackageTest, SoundOneIsReadWhole) {
  files.write(path);
  const auto package = readPackage(path, testing::manifestSchema(), *policy);
  EXPECT_EQ(package.manifest.id, "tiny");
  EXPECT_EQ(package.libraryBytes, files.files["libtiny.so"]);
  EXPECT_EQ(package.digest, digestHex(testing::readFile(path + "/plugin.json")));
}

TEST_F(PackageTest, GarbledManifestIsRefusedWithItsPosition) {
  files.text = "{\"id\": \"tiny\",";
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("plugin.json is not valid JSON"), HasSubstr("Install the package again")));
}

TEST_F(PackageTest, ManifestWithoutAMemberNamesIt) {
  files.manifest.erase("author");
  files.manifest.erase("version");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("author is required"), HasSubstr("version is required")));
}

TEST_F(PackageTest, ManifestWithAnUnknownMemberNamesIt) {
  files.manifest["colour"] = "red";
  EXPECT_THAT(refusal(), HasSubstr("colour is not known here"));
}

TEST_F(PackageTest, ConfigurationThatIsNoSchemaIsRefused) {
  files.manifest["configuration"] = {{"type", "object"},
                                     {"properties", {{"a", {{"type", "string"}, {"pattern", "("}}}}}};
  EXPECT_THAT(refusal(), HasSubstr("configuration is not a valid JSON Schema"));
}

TEST_F(PackageTest, ConfigurationWithATypeThatThereIsNotIsRefusedAndEndsNothing) {
  files.manifest["configuration"] = {{"type", "object"}, {"properties", {{"a", {{"type", "striug"}}}}}};
  EXPECT_THAT(refusal(), HasSubstr("configuration is not a valid JSON Schema"));
}

TEST_F(PackageTest, MissingManifestIsRefused) {
  files.write(path);
  std::filesystem::remove(path + "/plugin.json");
  EXPECT_THAT(read(), HasSubstr("has no plugin.json"));
}

TEST_F(PackageTest, ChangedFileIsRefusedWithBothHashes) {
  const auto listed = digestHex(files.files["LICENSE"]);
  files.files["LICENSE"] += "and more";
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("LICENSE"), HasSubstr(listed), HasSubstr(digestHex(files.files["LICENSE"]))));
}

TEST_F(PackageTest, MissingFileIsRefused) {
  files.files.erase("LICENSE");
  EXPECT_THAT(refusal(), HasSubstr("LICENSE is listed in plugin.json, but missing"));
}

TEST_F(PackageTest, UnlistedFileIsRefused) {
  files.files["extra.txt"] = "x";
  EXPECT_THAT(refusal(), HasSubstr("extra.txt is in the package, but plugin.json does not list it"));
}

TEST_F(PackageTest, SymbolicLinkIsRefused) {
  files.write(path);
  std::filesystem::rename(path + "/LICENSE", directory / "LICENSE");
  std::filesystem::create_symlink(directory / "LICENSE", path + "/LICENSE");
  EXPECT_THAT(read(), HasSubstr("LICENSE is a symbolic link"));
}

TEST_F(PackageTest, LinkedDirectoryIsRefused) {
  files.write(directory / "elsewhere");
  std::filesystem::create_directory_symlink(directory / "elsewhere", path);
  EXPECT_THAT(read(), HasSubstr("is no directory"));
}

TEST_F(PackageTest, NamedPipeIsRefusedWithoutWaitingForIt) {
  files.write(path);
  ASSERT_EQ(::mkfifo((path + "/pipe").c_str(), 0600), 0);
  EXPECT_THAT(read(), HasSubstr("pipe is no regular file"));
}

TEST_F(PackageTest, FileThatEverybodyMayWriteIsRefused) {
  files.write(path);
  std::filesystem::permissions(path + "/LICENSE", std::filesystem::perms::all);
  EXPECT_THAT(read(), HasSubstr("chmod o-w"));
}

TEST_F(PackageTest, LibraryTruncatedAnywhereIsRefusedAndNeverReadPast) {
  const auto whole = testing::testLibrary("tiny");
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 16)
    EXPECT_THROW(ElfImage::parse(std::string_view(whole).substr(0, size)), Problem) << size;
  files.files["libtiny.so"] = whole.substr(0, whole.size() / 2);
  files.hash();
  EXPECT_THAT(refusal(), AllOf(HasSubstr("libtiny.so"), HasSubstr("truncated")));
}

TEST_F(PackageTest, LibraryWithAnyByteOfItsTablesChangedIsParsedOrRefusedButNeverReadPast) {
  const auto whole = testing::testLibrary("tiny");
  int refused = 0;
  // Each copy stands alone on the heap, so that AddressSanitizer sees the first byte past it.
  for (std::size_t at = 0; at < std::min<std::size_t>(whole.size(), 4096); ++at) {
    for (const int change : {0x01, 0x80, 0xff}) {
      auto bytes = std::make_unique<std::string>(whole);
      (*bytes)[at] = static_cast<char>((*bytes)[at] ^ change);
      try {
        ElfImage::parse(*bytes);
      } catch (const Problem&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 100);
}

/// A note at the end of a copy of a library, and its first PT_NOTE that says so.
std::string withNotes(const std::string& notes, std::uint64_t claimed) {
  auto bytes = testing::testLibrary("tiny");
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  bytes.resize((bytes.size() + 7) / 8 * 8);
  const auto at = bytes.size();
  bytes += notes;
  bool first = true;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    auto* place = bytes.data() + header.e_phoff + i * sizeof(Elf64_Phdr);
    Elf64_Phdr segment;
    std::memcpy(&segment, place, sizeof segment);
    if (segment.p_type != PT_NOTE) continue;
    segment.p_type = std::exchange(first, false) ? PT_NOTE : PT_NULL;
    segment.p_offset = at;
    segment.p_filesz = claimed;
    segment.p_align = 4;
    std::memcpy(place, &segment, sizeof segment);
  }
  return bytes;
}

std::string note(std::uint32_t nameSize, std::uint32_t size, std::uint32_t type, const std::string& rest) {
  std::string text(12, '\0');
  for (const auto& [at, value] : {std::pair{0, nameSize}, std::pair{4, size}, std::pair{8, type}})
    std::memcpy(text.data() + at, &value, 4);
  return text + rest;
}

TEST_F(PackageTest, BuildIdIsReadFromTheLibraryAndNonsenseIsNone) {
  using namespace std::string_literals;
  files.write(path);
  EXPECT_THAT(readPackage(path, testing::manifestSchema(), *policy).buildId,
              ::testing::MatchesRegex("[0-9a-f]{16,128}"));
  const auto other = note(4, 4, 1, "GNU\0abcd"s);
  const auto id = note(4, 3, NT_GNU_BUILD_ID, "GNU\0\x01\xab\xff\0"s);
  const auto of = [&](const std::string& notes, std::uint64_t claimed) {
    return ElfImage::parse(withNotes(notes, claimed)).buildId;
  };
  EXPECT_EQ(of(id, id.size()), "01abff");
  EXPECT_EQ(of(other + id, other.size() + id.size()), "01abff") << "behind another note";
  EXPECT_EQ(of(id, id.size() - 1), "01abff") << "its padding need not be there";
  EXPECT_EQ(of(id, id.size() - 2), "");
  EXPECT_EQ(of(id, id.size() + 1), "") << "past the file";
  EXPECT_EQ(of(id, ~std::uint64_t{0}), "");
  EXPECT_EQ(of("", 0), "");
  EXPECT_EQ(of(note(4, 0xffffffff, NT_GNU_BUILD_ID, "GNU\0"s), 16), "");
  EXPECT_EQ(of(note(0xffffffff, 0xffffffff, NT_GNU_BUILD_ID, "GNU\0"s), 16), "");
  EXPECT_EQ(of(note(4, 100, NT_GNU_BUILD_ID, "GNU\0"s + std::string(100, 'x')), 116), "") << "too long";
}

class LoadTest : public PackageTest {};

TEST_F(LoadTest, OnePackageIsMappedOnce) {
  files.write(path);
  const auto package = readPackage(path, testing::manifestSchema(), *policy);
  EXPECT_EQ(Library::load(package), Library::load(package));
  EXPECT_EQ(Library::load(package)->buildInfo(), "tiny");
}

TEST_F(LoadTest, VerifiedBytesAreTheExecutedOnesWhateverHappensToTheFile) {
  files.manifest["description"] = "another digest";
  files.write(path);
  const auto package = readPackage(path, testing::manifestSchema(), *policy);
  testing::writeFile(path + "/libtiny.so", "overwritten after it was verified");
  EXPECT_EQ(std::string(Library::load(package)->table().id.ptr, 4), "tiny");
}

TEST_F(LoadTest, TwoVersionsUnderOneNameAreTwoLibraries) {
  files.write(path);
  const auto first = Library::load(readPackage(path, testing::manifestSchema(), *policy));
  files.manifest["title"] = "Second";
  files.write(path);
  const auto second = Library::load(readPackage(path, testing::manifestSchema(), *policy));
  EXPECT_NE(&first->table(), &second->table());
}

}  // namespace
}  // namespace dispatch::plugin
