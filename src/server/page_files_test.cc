#include "server/page_files.h"

#include <gmock/gmock.h>

namespace warifu {
namespace {

using testing::HasSubstr;
using testing::Optional;

constexpr PageFile kScript{"/assets/index-a1.js", "text/javascript; charset=utf-8", "a1b2", "let a = 1;", "packed"};
constexpr PageFile kPage{"/index.html", "text/html; charset=utf-8", "c3d4", "<!doctype html>", ""};

HttpRequest request(std::vector<HttpHeader> headers) {
  HttpRequest request;
  request.method = "GET";
  request.headers = std::move(headers);
  return request;
}

TEST(PageFiles, a_file_comes_compressed_to_whom_takes_it) {
  const auto packed = page_file_response(request({{"Accept-Encoding", "br, gzip"}}), kScript);
  EXPECT_EQ(packed.body, "packed");
  EXPECT_THAT(find_header(packed.headers, "Content-Encoding"), Optional(std::string_view("gzip")));
  const auto plain = page_file_response(request({}), kScript);
  EXPECT_EQ(plain.body, "let a = 1;");
  EXPECT_FALSE(find_header(plain.headers, "Content-Encoding"));
  EXPECT_NE(find_header(plain.headers, "ETag"), find_header(packed.headers, "ETag"));
  for (const auto& response : {packed, plain}) {
    EXPECT_THAT(find_header(response.headers, "Vary"), Optional(std::string_view("Accept-Encoding")));
    EXPECT_THAT(find_header(response.headers, "Content-Type"), Optional(kScript.content_type));
  }
}

TEST(PageFiles, what_is_no_smaller_compressed_comes_as_it_is) {
  EXPECT_EQ(page_file_response(request({{"Accept-Encoding", "gzip"}}), kPage).body, kPage.bytes);
}

TEST(PageFiles, a_file_that_the_client_has_is_not_sent_again) {
  const auto first = page_file_response(request({{"Accept-Encoding", "gzip"}}), kScript);
  const std::string tag(*find_header(first.headers, "ETag"));
  const auto again =
      page_file_response(request({{"Accept-Encoding", "gzip"}, {"If-None-Match", "\"x\", " + tag}}), kScript);
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(page_file_response(request({{"If-None-Match", "\"x\""}}), kScript).status, 200);
  EXPECT_EQ(page_file_response(request({{"If-None-Match", tag}}), kScript).status, 200) << "it has the other form";
}

TEST(PageFiles, only_files_whose_name_holds_their_content_are_kept_for_ever) {
  EXPECT_THAT(find_header(page_file_response(request({}), kScript).headers, "Cache-Control"),
              Optional(HasSubstr("immutable")));
  EXPECT_THAT(find_header(page_file_response(request({}), kPage).headers, "Cache-Control"),
              Optional(std::string_view("no-cache")));
}

TEST(PageFiles, the_page_may_load_nothing_from_elsewhere) {
  const auto response = page_file_response(request({}), kPage);
  const auto policy = find_header(response.headers, "Content-Security-Policy");
  ASSERT_TRUE(policy);
  EXPECT_THAT(*policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(*policy, testing::Not(HasSubstr("unsafe")));
  EXPECT_THAT(*policy, testing::Not(HasSubstr("http")));
}

TEST(PageFiles, an_encoding_of_weight_zero_is_refused) {
  EXPECT_TRUE(takes_gzip("gzip"));
  EXPECT_TRUE(takes_gzip("deflate, GZIP;q=0.5"));
  EXPECT_TRUE(takes_gzip("*"));
  EXPECT_TRUE(takes_gzip("gzip;q=1.0, identity;q=0"));
  EXPECT_FALSE(takes_gzip(""));
  EXPECT_FALSE(takes_gzip("br"));
  EXPECT_FALSE(takes_gzip("gzip;q=0"));
  EXPECT_FALSE(takes_gzip("gzip ; q=0.000, *"));
  EXPECT_FALSE(takes_gzip("x-gzip"));
}

TEST(PageFiles, every_file_of_the_page_is_found_by_its_path) {
  for (const PageFile& file : page_files()) EXPECT_EQ(find_page_file(file.path), &file) << file.path;
  EXPECT_EQ(find_page_file("/assets/nobody.js"), nullptr);
  EXPECT_EQ(find_page_file(""), nullptr);
}

}  // namespace
}  // namespace warifu
