#include "text/html_entities.h"

#include <gtest/gtest.h>

namespace warifu {
namespace {

TEST(UnescapeHtml, ResolvesNamesAndNumbers) {
  EXPECT_EQ(unescape_html("a &lt;b&gt; &amp; &quot;c&quot; &apos;"), "a <b> & \"c\" '");
  EXPECT_EQ(unescape_html("&eacute;&hellip;&mdash;&alpha;&thetasym;&Yuml;&yuml;&nbsp;"), "é…—αϑŸÿ\u00A0");
  EXPECT_EQ(unescape_html("&#233;&#xE9;&#XE9;&#22259;"), "ééé図");
}

TEST(UnescapeHtml, ResolvesOneLevelACall) {
  EXPECT_EQ(unescape_html("&amp;lt;"), "&lt;");
  EXPECT_EQ(unescape_html(unescape_html("&amp;lt;")), "<");
}

TEST(UnescapeHtml, TakesTheOldNamesWithoutASemicolon) {
  EXPECT_EQ(unescape_html("caf&eacute &ampx &lt3 &notit; &COPY"), "café &x <3 ¬it; ©");
  EXPECT_EQ(unescape_html("&alpha &hellip"), "&alpha &hellip") << "newer names need theirs";
}

TEST(UnescapeHtml, LeavesWhatIsNoReference) {
  EXPECT_EQ(unescape_html("R&D && &; &unknown; &#; &#x; &"), "R&D && &; &unknown; &#; &#x; &");
  EXPECT_EQ(unescape_html(""), "");
}

TEST(UnescapeHtml, ReadsImpossibleNumbersAsABrowserDoes) {
  EXPECT_EQ(unescape_html("&#128;&#150;"), "€–") << "windows-1252";
  EXPECT_EQ(unescape_html("&#0;|&#xD800;|&#x110000;|&#99999999999999999999;"), "\uFFFD|\uFFFD|\uFFFD|\uFFFD");
  EXPECT_EQ(unescape_html("a&#1;b&#xFFFF;c&#xFDD0;d&#11;e"), "abcde");
  EXPECT_EQ(unescape_html("&#9;&#10;&#12;&#13;"), "\t\n\f\r");
}

}  // namespace
}  // namespace warifu
