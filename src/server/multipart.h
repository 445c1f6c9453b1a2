#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// multipart/form-data (RFC 7578), as browsers and curl -F send it, out of a body that is in memory. Nothing of the
// parts' contents is copied. It is strict: bytes before the first or behind the last boundary, parts without a name,
// headers that no part of a form has, and anything over a limit are refused.
namespace warifu {

struct FormPart {
  std::string name;
  std::optional<std::string> filename;  // without its folders; nothing: not a file
  std::string_view content_type;        // as sent; "text/plain" if it says none
  std::string_view content;             // a view into the body
};

struct MultipartLimits {
  std::size_t parts = 16;
  std::size_t header_bytes = 4096;  // of one part
};

// Whether a Content-Type header says multipart/form-data.
bool is_multipart_form(std::string_view content_type);

// The parts in order; several may have one name. kBadFormat says which part and what is wrong.
Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body,
                                              const MultipartLimits& limits = {});

}  // namespace warifu
