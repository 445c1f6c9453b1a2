#include "server/page_files.h"

#include <algorithm>
#include <string>

namespace warifu {
namespace {

constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Takes the part before the next `separator` off the front of `rest`.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return trimmed(part);
}

// "0", "0.0" …: such an encoding is refused.
bool is_zero(std::string_view weight) {
  return weight.starts_with('0') && weight.find_first_not_of("0.") == weight.npos;
}

}  // namespace

bool takes_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    std::string_view one = next_part(accept_encoding, ',');
    const std::string_view name = next_part(one, ';');
    bool taken = true;
    while (!one.empty())
      if (const auto parameter = next_part(one, ';'); parameter.starts_with("q=") || parameter.starts_with("Q="))
        taken = !is_zero(parameter.substr(2));
    if (equals_ignoring_case(name, "gzip")) return taken;
    if (name == "*") any = taken;
  }
  return any;
}

const PageFile* find_page_file(std::string_view path) {
  const auto files = page_files();
  const auto found = std::ranges::lower_bound(files, path, {}, &PageFile::path);
  return found != files.end() && found->path == path ? &*found : nullptr;
}

HttpResponse page_file_response(const HttpRequest& request, const PageFile& file) {
  const bool packed = !file.gzip.empty() && takes_gzip(request.header("Accept-Encoding").value_or(""));
  const std::string tag = "\"" + std::string(file.tag) + (packed ? "-gzip\"" : "\"");
  const bool forever = file.path.starts_with("/assets/");
  HttpResponse response;
  response.headers = {{"ETag", tag},
                      {"Cache-Control", forever ? "public, max-age=31536000, immutable" : "no-cache"},
                      {"Vary", "Accept-Encoding"},
                      {"Content-Security-Policy", std::string(kPagePolicy)}};
  if (const auto known = request.header("If-None-Match"); known && known->find(tag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  response.headers.push_back({"Content-Type", std::string(file.content_type)});
  if (packed) response.headers.push_back({"Content-Encoding", "gzip"});
  response.body = packed ? file.gzip : file.bytes;
  return response;
}

}  // namespace warifu
