#include "server/response_head.h"

#include <array>
#include <utility>

namespace warifu {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kDefaultHeaders = {{
    {"X-Content-Type-Options", "nosniff"},
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
}};

void append_header(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  for (const char c : value) head += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  head += "\r\n";
}

std::string http_date(std::time_t now) {
  // Not strftime: its names of days follow the locale.
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  const auto two = [](int value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  return std::string(kDays[static_cast<std::size_t>(parts.tm_wday)]) + ", " + two(parts.tm_mday) + " " +
         kMonths[static_cast<std::size_t>(parts.tm_mon)] + " " + std::to_string(parts.tm_year + 1900) + " " +
         two(parts.tm_hour) + ":" + two(parts.tm_min) + ":" + two(parts.tm_sec) + " GMT";
}

bool is_set_by_server(std::string_view name) {
  return equals_ignoring_case(name, "Content-Length") || equals_ignoring_case(name, "Connection") ||
         equals_ignoring_case(name, "Transfer-Encoding") || equals_ignoring_case(name, "Date") ||
         equals_ignoring_case(name, "X-Request-Id");
}

}  // namespace

bool has_body(int status) { return status != 204 && status != 304 && status >= 200; }

std::string response_head(const HttpResponse& response, const ResponseFrame& frame) {
  std::string head;
  head.reserve(512);
  head += "HTTP/1.1 " + std::to_string(response.status) + " ";
  head += status_text(response.status);
  head += "\r\n";
  append_header(head, "Date", http_date(frame.now));
  if (has_body(response.status)) append_header(head, "Content-Length", std::to_string(response.body.size()));
  if (!frame.keep_alive) append_header(head, "Connection", "close");
  if (frame.keep_alive && frame.http_1_0) append_header(head, "Connection", "keep-alive");
  append_header(head, "X-Request-Id", frame.request_id);
  for (const HttpHeader& header : response.headers)
    if (!is_set_by_server(header.name)) append_header(head, header.name, header.value);
  for (const auto& [name, value] : kDefaultHeaders)
    if (!find_header(response.headers, name)) append_header(head, name, value);
  head += "\r\n";
  return head;
}

}  // namespace warifu
