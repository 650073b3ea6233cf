#include "multistatus.hpp"

#include <gtest/gtest.h>

namespace {

using webdav::readMultistatus;

std::string about(const std::string& type) {
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\" "
         "xmlns:ns0=\"DAV:\"><D:response "
         "xmlns:lp1=\"DAV:\" xmlns:o=\"urn:other\"><D:href>/dav/x/</D:href><D:propstat><D:prop>" +
         type + "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>";
}

TEST(Multistatus, TellsFoldersByNamespaceWhateverThePrefix) {
  for (const char* folder :
       {"<lp1:resourcetype><D:collection/></lp1:resourcetype>",
        "<D:resourcetype><collection xmlns='DAV:'></collection></D:resourcetype>",
        "<D:resourcetype ><o:vault/><lp1:collection\n/></D:resourcetype >",
        "<!-- a > b --><D:resourcetype><x:collection xmlns:x = \"DAV:\" /></D:resourcetype>"}) {
    const auto found = readMultistatus(about(folder));
    ASSERT_TRUE(found) << folder;
    EXPECT_TRUE(found->collection) << folder;
    EXPECT_EQ(found->href, "/dav/x/");
    EXPECT_EQ(found->status, "HTTP/1.1 200 OK");
  }
  for (const char* document :
       {"<D:resourcetype/>", "<D:resourcetype></D:resourcetype>",
        "<D:resourcetype><o:collection/></D:resourcetype>", "<D:displayname><D:collection/></D:displayname>",
        "<D:resourcetype/><D:x><![CDATA[<D:resourcetype><D:collection/>]]></D:x>"}) {
    const auto found = readMultistatus(about(document));
    ASSERT_TRUE(found) << document;
    EXPECT_FALSE(found->collection) << document;
  }
}

TEST(Multistatus, RefusesEverythingElse) {
  const std::string whole = about("<D:resourcetype/>");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(readMultistatus(whole.substr(0, size))) << whole.substr(0, size);
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<D:x>";
  for (const std::string& text :
       {std::string("<!DOCTYPE html><html><body>Please log in</body></html>"), std::string("<html></html>"),
        std::string("<multistatus><response/></multistatus>"),
        std::string("<D:multistatus xmlns:D=\"DAV:\"></D:multistatus>"),
        std::string("<D:multistatus xmlns:D=\"urn:x\"><D:response/></D:multistatus>"),
        std::string("{\"a\": 1}"), about(deep), about("< >"), about("<a b>"), about("<a b=c>"),
        "</x>" + whole})
    EXPECT_FALSE(readMultistatus(text)) << text;
}

}  // namespace
