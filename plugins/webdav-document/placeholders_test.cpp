#include "placeholders.hpp"

#include <gtest/gtest.h>

namespace {

using webdav::fill;
using webdav::Markup;

const std::map<std::string, std::string> values{{"name", "dispatch-12"},
                                                {"title", "a < b & {{name}} ![x](http://t/p.png) \"q\""},
                                                {"tag_Team A", "pay, ops"}};

TEST(Placeholders, AreReplacedWhereTheyAreKnown) {
  const auto filled =
      fill("# {{name}}\n{{ name }}: {{tag_Team A}}, {{later}}, {{name}", values, Markup::none);
  EXPECT_EQ(filled.text, "# dispatch-12\ndispatch-12: pay, ops, {{later}}, {{name}");
  EXPECT_EQ(filled.replaced, 3);
}

TEST(Placeholders, AreFoundBetweenOtherBraces) {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"{{{name}}}", "{dispatch-12}"},
           {"{{ {{name}}", "{{ dispatch-12"},
           {"{{\nname}}{{name}}", "{{\nname}}dispatch-12"},
           {"{{name}}}}", "dispatch-12}}"},
           {"{{}}{{name}}{{", "{{}}dispatch-12{{"},
           {"{{" + std::string(300, 'x') + "}}{{name}}", "{{" + std::string(300, 'x') + "}}dispatch-12"},
           {"", ""}})
    EXPECT_EQ(fill(text, values, Markup::none).text, expected) << text;
}

TEST(Placeholders, ValuesAreTextInEachMarkup) {
  EXPECT_EQ(fill("{{title}}", values, Markup::none).text, "a < b & { {name}} ![x](http://t/p.png) \"q\"");
  EXPECT_EQ(fill("{{title}}", values, Markup::markdown).text,
            "a &lt; b & {\\{name}} !\\[x](http://t/p.png) \"q\"");
  EXPECT_EQ(fill("<a title='{{title}}'>", values, Markup::html).text,
            "<a title='a &lt; b &amp; &#123;&#123;name}} ![x](http://t/p.png) &quot;q&quot;'>");
  // Addresses stay whole where people click on them.
  const std::string url = "https://x/a_b?c=d&e=(f)*~";
  EXPECT_EQ(webdav::escaped(url, Markup::markdown), url);
}

TEST(Placeholders, FilledTwiceIsFilledOnce) {
  const std::map<std::string, std::string> nasty{
      {"a", "{{b}}"}, {"b", "{{{a}}}"}, {"c", "{{{{a}}}}"}, {"d", "x {{ a }} {{"}};
  for (const Markup markup : {Markup::none, Markup::markdown, Markup::html}) {
    const auto once = fill("{{a}} {{b}} {{c}} {{d}}", nasty, markup);
    EXPECT_EQ(once.replaced, 4);
    const auto twice = fill(once.text, nasty, markup);
    EXPECT_EQ(twice.replaced, 0) << once.text;
    EXPECT_EQ(twice.text, once.text);
  }
}

TEST(Placeholders, MarkupIsToldByExtensionThenByMediaType) {
  EXPECT_EQ(webdav::markupOf("/a.MD", "text/html"), Markup::markdown);
  EXPECT_EQ(webdav::markupOf("/a.markdown", ""), Markup::markdown);
  EXPECT_EQ(webdav::markupOf("/a.htm", "text/plain"), Markup::html);
  EXPECT_EQ(webdav::markupOf("/a.svg", ""), Markup::html);
  EXPECT_EQ(webdav::markupOf("/a.txt", "text/html"), Markup::none);
  EXPECT_EQ(webdav::markupOf("/a", "Text/HTML; charset=utf-8"), Markup::html);
  EXPECT_EQ(webdav::markupOf("/a", "application/xhtml+xml"), Markup::html);
  EXPECT_EQ(webdav::markupOf("/a", "text/x-markdown"), Markup::markdown);
  EXPECT_EQ(webdav::markupOf("/a", "text/plain"), Markup::none);
}

TEST(Placeholders, AreCounted) {
  EXPECT_EQ(webdav::countPlaceholders("{{a}} {{ b }} {{ {c} {{d\n}} {{e}}"), 3);
  EXPECT_EQ(webdav::countPlaceholders(""), 0);
}

TEST(Placeholders, OnlyTextIsText) {
  for (const char* text :
       {"", "plain\r\n\t", "Zürich € 𝄞", "\xEF\xBB\xBFwith a mark", "\xED\x9F\xBF\xF4\x8F\xBF\xBF"})
    EXPECT_EQ(webdav::faultOfText(text), "") << text;
  EXPECT_EQ(webdav::faultOfText(std::string_view("a\0b", 3)), "holds bytes of zero");
  for (const char* bytes :
       {"Z\xFCrich", "\x80", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x28\xA1"})
    EXPECT_EQ(webdav::faultOfText(bytes), "is not in UTF-8") << bytes;
}

}  // namespace
