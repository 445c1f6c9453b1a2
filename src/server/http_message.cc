#include "server/http_message.h"

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxQueryParameters = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const Utf8Step step = decode_utf8(bytes, at);
    if (!step.valid) return false;
    at += step.length;
  }
  return true;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return fail(ErrorCode::kBadFormat, "the address has a % that two hex digits do not follow", "write % as %25");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    if (c == '\0') return fail(ErrorCode::kBadFormat, "the address has a zero byte (%00)");
    decoded += c;
  }
  if (!is_utf8(decoded))
    return fail(ErrorCode::kBadFormat, "the address is not UTF-8 after decoding", "percent-encode the bytes of UTF-8");
  return decoded;
}

// Calls take(piece) for each piece between separators; the pieces of "" are one empty piece.
template <typename Take>
Result<void> for_each_piece(std::string_view text, char separator, Take take) {
  for (;;) {
    const std::size_t end = text.find(separator);
    if (auto taken = take(text.substr(0, end)); !taken) return taken;
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

std::optional<std::string_view> find_header(const std::vector<HttpHeader>& headers, std::string_view name) {
  for (const HttpHeader& header : headers)
    if (equals_ignoring_case(header.name, name)) return header.value;
  return std::nullopt;
}

Result<Target> parse_target(std::string_view target) {
  Target parsed;
  constexpr std::string_view kSchemes[] = {"http://", "https://"};
  for (const std::string_view scheme : kSchemes) {
    if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    parsed.authority = target.substr(0, end);
    target.remove_prefix(end);
    if (parsed.authority.empty()) return fail(ErrorCode::kBadFormat, "the address names no host");
    if (!target.starts_with('/') && !target.empty()) return fail(ErrorCode::kBadFormat, "the address has no path");
    if (target.empty()) return parsed;
    break;
  }
  if (target == "*") {  // OPTIONS * asks about the server as a whole
    parsed.path.emplace_back("*");
    return parsed;
  }
  if (!target.starts_with('/'))
    return fail(ErrorCode::kBadFormat, "the address does not begin with /", "ask for a path such as /healthz");
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(1, question == std::string_view::npos ? question : question - 1);
  if (!path.empty()) {
    const auto taken = for_each_piece(path, '/', [&](std::string_view piece) -> Result<void> {
      auto segment = percent_decode(piece, false);
      if (!segment) return std::unexpected(segment.error());
      if (*segment == "." || *segment == "..")
        return fail(ErrorCode::kBadFormat, "the address has a segment '" + *segment + "'");
      parsed.path.push_back(std::move(*segment));
      return {};
    });
    if (!taken) return std::unexpected(taken.error());
  }
  if (question == std::string_view::npos) return parsed;
  const auto taken = for_each_piece(target.substr(question + 1), '&', [&](std::string_view piece) -> Result<void> {
    if (piece.empty()) return {};
    const std::size_t equals = piece.find('=');
    auto name = percent_decode(piece.substr(0, equals), true);
    if (!name) return std::unexpected(name.error());
    auto value = percent_decode(equals == std::string_view::npos ? "" : piece.substr(equals + 1), true);
    if (!value) return std::unexpected(value.error());
    if (parsed.query.size() == kMaxQueryParameters)
      return fail(ErrorCode::kBadFormat,
                  "the address has more than " + std::to_string(kMaxQueryParameters) + " query parameters");
    parsed.query.emplace_back(std::move(*name), std::move(*value));
    return {};
  });
  if (!taken) return std::unexpected(taken.error());
  return parsed;
}

std::string percent_encode(std::string_view segment) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : segment) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    encoded += '%';
    encoded += kHex[byte >> 4];
    encoded += kHex[byte & 15];
  }
  return encoded;
}

std::optional<std::string_view> HttpRequest::query_value(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

std::optional<std::string_view> HttpRequest::bearer_token() const {
  auto value = header("Authorization");
  constexpr std::string_view kScheme = "Bearer ";
  if (!value || !equals_ignoring_case(value->substr(0, kScheme.size()), kScheme)) return std::nullopt;
  std::string_view token = value->substr(kScheme.size());
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  return token;
}

std::optional<std::string_view> HttpRequest::cookie(std::string_view name) const {
  for (const HttpHeader& each : headers) {
    if (!equals_ignoring_case(each.name, "Cookie")) continue;
    std::string_view rest = each.value;
    while (!rest.empty()) {
      const std::size_t end = rest.find(';');
      std::string_view pair = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
      if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
        return pair.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

HttpResponse text_response(int status, std::string_view content_type, std::string body) {
  return {status, {{"Content-Type", std::string(content_type)}}, std::move(body)};
}

std::string_view status_text(int status) {
  struct Named {
    int status;
    std::string_view text;
  };
  constexpr Named kNames[] = {{200, "OK"},
                              {201, "Created"},
                              {202, "Accepted"},
                              {204, "No Content"},
                              {206, "Partial Content"},
                              {207, "Multi-Status"},
                              {301, "Moved Permanently"},
                              {302, "Found"},
                              {303, "See Other"},
                              {304, "Not Modified"},
                              {307, "Temporary Redirect"},
                              {308, "Permanent Redirect"},
                              {400, "Bad Request"},
                              {401, "Unauthorized"},
                              {403, "Forbidden"},
                              {404, "Not Found"},
                              {405, "Method Not Allowed"},
                              {406, "Not Acceptable"},
                              {408, "Request Timeout"},
                              {409, "Conflict"},
                              {410, "Gone"},
                              {411, "Length Required"},
                              {412, "Precondition Failed"},
                              {413, "Content Too Large"},
                              {414, "URI Too Long"},
                              {415, "Unsupported Media Type"},
                              {416, "Range Not Satisfiable"},
                              {417, "Expectation Failed"},
                              {421, "Misdirected Request"},
                              {422, "Unprocessable Content"},
                              {428, "Precondition Required"},
                              {429, "Too Many Requests"},
                              {431, "Request Header Fields Too Large"},
                              {500, "Internal Server Error"},
                              {501, "Not Implemented"},
                              {503, "Service Unavailable"},
                              {504, "Gateway Timeout"},
                              {505, "HTTP Version Not Supported"},
                              {507, "Insufficient Storage"}};
  for (const Named& named : kNames)
    if (named.status == status) return named.text;
  return "Unknown";
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

}  // namespace warifu
