#include "server/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=XX";

std::string form_part(std::string_view headers, std::string_view content) {
  return "--XX\r\n" + std::string(headers) + "\r\n\r\n" + std::string(content) + "\r\n";
}

std::string why(std::string_view type, std::string_view body) {
  const auto parts = parse_multipart(type, body);
  return parts ? "" : parts.error().message;
}

TEST(Multipart, GivesPartsAsViewsIntoTheBody) {
  const std::string body = form_part("Content-Disposition: form-data; name=\"text\"", "red shoe") +
                           form_part(
                               "Content-Disposition: form-data; name=\"image\"; filename=\"C:\\dir\\靴.jpg\"\r\n"
                               "Content-Type: image/jpeg",
                               "\xFF\xD8\r\n--") +
                           "--XX--\r\n";
  const auto parts = parse_multipart("Multipart/Form-Data; charset=utf-8; Boundary=\"XX\"", body);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ(parts->at(0).name, "text");
  EXPECT_EQ(parts->at(0).filename, std::nullopt);
  EXPECT_EQ(parts->at(0).content_type, "text/plain");
  EXPECT_EQ(parts->at(0).content, "red shoe");
  EXPECT_EQ(parts->at(1).filename, "靴.jpg");
  EXPECT_EQ(parts->at(1).content_type, "image/jpeg");
  EXPECT_EQ(parts->at(1).content, "\xFF\xD8\r\n--");
  EXPECT_GE(parts->at(1).content.data(), body.data());
  EXPECT_LE(parts->at(1).content.data(), body.data() + body.size());
}

TEST(Multipart, TakesEmptyContentAndNoParts) {
  const auto empty = parse_multipart(kType, form_part("Content-Disposition: form-data; name=a", "") + "--XX--");
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_EQ(empty->at(0).content, "");
  EXPECT_TRUE(parse_multipart(kType, "--XX--\r\n")->empty());
}

TEST(Multipart, UnderstandsQuotesInNames) {
  const auto parts = parse_multipart(
      kType,
      form_part("content-disposition:form-data ; NAME=\"a\\\"b\" ;filename=\"..\\\\x/../y\"", "1") + "--XX--\r\n");
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_EQ(parts->at(0).name, "a\"b");
  EXPECT_EQ(parts->at(0).filename, "y");
}

TEST(Multipart, SaysWhatIsWrong) {
  const std::string named = "Content-Disposition: form-data; name=\"a\"";
  EXPECT_THAT(why("application/json", "{}"), testing::HasSubstr("Content-Type"));
  EXPECT_THAT(why("multipart/form-data", "--XX--"), testing::HasSubstr("no boundary"));
  EXPECT_THAT(why("multipart/form-data; boundary=" + std::string(71, 'a'), "--XX--"), testing::HasSubstr("boundary"));
  EXPECT_THAT(why("multipart/form-data; boundary=\"a\nb\"", "--XX--"), testing::HasSubstr("boundary"));
  EXPECT_THAT(why("multipart/form-data; boundary=a; boundary=b", "--a--"), testing::HasSubstr("twice"));
  EXPECT_THAT(why(kType, ""), testing::HasSubstr("does not begin"));
  EXPECT_THAT(why(kType, "preamble\r\n--XX--"), testing::HasSubstr("does not begin"));
  EXPECT_THAT(why(kType, "--XX--\r\nmore"), testing::HasSubstr("follows the last"));
  EXPECT_THAT(why(kType, "--XXY\r\n"), testing::HasSubstr("end of its line"));
  EXPECT_THAT(why(kType, "--XX\r\n" + named + "\r\n\r\nabc"), testing::HasSubstr("part 1 does not end"));
  EXPECT_THAT(why(kType, "--XX\r\n" + named), testing::HasSubstr("headers without an end"));
  EXPECT_THAT(why(kType, form_part(named + "\r\nX: " + std::string(5000, 'x'), "") + "--XX--"),
              testing::HasSubstr("4096 bytes"));
  EXPECT_THAT(why(kType, form_part("Content-Disposition: form-data", "") + "--XX--"), testing::HasSubstr("no name"));
  EXPECT_THAT(why(kType, form_part("Content-Disposition: attachment; name=a", "") + "--XX--"),
              testing::HasSubstr("not form-data"));
  EXPECT_THAT(why(kType, form_part("Content-Type: text/plain", "") + "--XX--"),
              testing::HasSubstr("no Content-Disposition"));
  EXPECT_THAT(why(kType, form_part(named + "\r\n" + named, "") + "--XX--"), testing::HasSubstr("two"));
  EXPECT_THAT(why(kType, form_part(named + "; name=b", "") + "--XX--"), testing::HasSubstr("twice"));
  EXPECT_THAT(why(kType, form_part(named + "\r\nContent-Transfer-Encoding: base64", "") + "--XX--"),
              testing::HasSubstr("base64"));
  EXPECT_THAT(why(kType, form_part(named + "\r\nSet-Cookie: a=b", "") + "--XX--"), testing::HasSubstr("Set-Cookie"));
  EXPECT_THAT(why(kType, form_part("Content-Disposition: form-data; name=\"a\xFF\"", "") + "--XX--"),
              testing::HasSubstr("UTF-8"));
  std::string many;
  for (int i = 0; i < 17; ++i) many += form_part(named, "x");
  EXPECT_THAT(why(kType, many + "--XX--"), testing::HasSubstr("more than 16"));
}

}  // namespace
}  // namespace warifu
