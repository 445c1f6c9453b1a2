#pragma once

#include <span>
#include <string_view>

#include "server/http_message.h"

namespace warifu {

// One file of the page (web/), which is built into the program.
struct PageFile {
  std::string_view path;          // "/index.html", "/assets/index-Dk3f.js"
  std::string_view content_type;  // with its charset
  std::string_view tag;           // of its content: an ETag without quotes
  std::string_view bytes;
  std::string_view gzip;  // the same compressed; empty where that is no smaller
};

// Ascending by path; empty in a build without the page. Made by cmake/embed_page.mjs.
std::span<const PageFile> page_files();

// Null where the page has no such file.
const PageFile* find_page_file(std::string_view path);

// The file, compressed where the client takes that, or 304 where it has it already. Files below /assets/ have their
// content in their name and are kept for ever; of the others a client asks each time whether they are still the same.
// The page may load from this server alone and run no inline script (Content-Security-Policy).
HttpResponse page_file_response(const HttpRequest& request, const PageFile& file);

// Whether an Accept-Encoding header takes gzip: it or "*" is listed, and not with q=0.
bool takes_gzip(std::string_view accept_encoding);

}  // namespace warifu
