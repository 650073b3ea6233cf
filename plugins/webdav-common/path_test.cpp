#include "path.hpp"

#include <dispatch/sdk/failure.hpp>

#include <gtest/gtest.h>

namespace {

TEST(SafeSegment, IsOneSegmentForEveryFileSystem) {
  EXPECT_EQ(webdav::safeSegment("dispatch-default-default-12"), "dispatch-default-default-12");
  EXPECT_EQ(webdav::safeSegment("a/b\\c:d*e?f\"g<h>i|j\nk\x7F"), "a-b-c-d-e-f-g-h-i-j-k-");
  EXPECT_EQ(webdav::safeSegment(".."), "unnamed");
  EXPECT_EQ(webdav::safeSegment(""), "unnamed");
  EXPECT_EQ(webdav::safeSegment(" .htaccess. "), "htaccess");
  EXPECT_EQ(webdav::safeSegment("Ausfall in Zürich, 100 %"), "Ausfall in Zürich, 100 %");
}

TEST(SafeSegment, KeepsBothEndsOfALongName) {
  for (std::size_t more = 0; more < 4; ++more) {  // each alignment of characters of two and three bytes
    std::string name = "begin" + std::string(more, '.');
    for (int i = 0; i < 100; ++i) name += "ü€";
    const std::string segment = webdav::safeSegment(name + " dispatch-12");
    EXPECT_LE(segment.size(), 200U);
    EXPECT_GE(segment.size(), 190U);
    EXPECT_TRUE(segment.starts_with("begin"));
    EXPECT_TRUE(segment.ends_with(" dispatch-12"));
    const auto gap = segment.find("...", 10);
    ASSERT_NE(gap, std::string::npos);
    // Whole characters on both sides of the gap: the left one is complete, the right one a first byte.
    const std::string left = segment.substr(0, gap);
    EXPECT_TRUE(left.ends_with("ü") || left.ends_with("€")) << segment;
    EXPECT_NE(static_cast<unsigned char>(segment[gap + 3]) & 0xC0U, 0x80U) << segment;
  }
}

TEST(Paths, AreEncodedSegmentBySegment) {
  EXPECT_EQ(webdav::encodedPath("/"), "/");
  EXPECT_EQ(webdav::encodedPath("/a b/ü?#%/"), "/a%20b/%C3%BC%3F%23%25/");
  EXPECT_EQ(webdav::encodedPath("/a/b.md"), "/a/b.md");
}

TEST(Paths, FromOutsideAreChecked) {
  EXPECT_EQ(webdav::checkedPath("/a b/...x/", "It"), "/a b/...x/");
  EXPECT_EQ(webdav::checkedPath("/", "It"), "/");
  const std::string tooLong = "/" + std::string(2000, 'x');
  for (const std::string& path :
       {std::string("a"), std::string("//"), std::string("/a//b"), std::string("/.."), std::string("/../a"),
        std::string("/a/./b"), std::string("/a\\b"), std::string("/a\0b", 4), tooLong})
    EXPECT_THROW(webdav::checkedPath(path, "It"), dispatch::Failure) << path;
}

TEST(Paths, HaveExtensions) {
  EXPECT_EQ(webdav::extensionOf("/Templates/incident.MD"), ".md");
  EXPECT_EQ(webdav::extensionOf("/a.b/incident"), "");
  EXPECT_EQ(webdav::extensionOf("/a/.hidden"), "");
  EXPECT_EQ(webdav::extensionOf("/a/x."), "");
  EXPECT_EQ(webdav::extensionOf("/a/No. 5 of them"), "");
}

}  // namespace
