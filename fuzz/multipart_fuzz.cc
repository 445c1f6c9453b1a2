// multipart/form-data: the first line is the Content-Type, the rest the body. Every part lies inside the body, in
// order.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t line = bytes.find('\n');
  const std::string_view body = line == std::string_view::npos ? std::string_view() : bytes.substr(line + 1);
  const auto parts = warifu::parse_multipart(bytes.substr(0, line), body);
  if (!parts) {
    if (parts.error().code != warifu::ErrorCode::kBadFormat || parts.error().message.empty()) std::abort();
    return 0;
  }
  if (parts->size() > 16) std::abort();
  const char* behind = body.data();
  for (const warifu::FormPart& part : *parts) {
    if (part.name.empty() || part.content.data() < behind) std::abort();
    behind = part.content.data() + part.content.size();
    if (behind > body.data() + body.size()) std::abort();
  }
  return 0;
}
