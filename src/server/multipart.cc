#include "server/multipart.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "server/http_message.h"

namespace warifu {
namespace {

constexpr std::string_view kForm = "multipart/form-data";

Fail malformed(const std::string& what) {
  return fail(ErrorCode::kBadFormat, "multipart/form-data: " + what, "send it as `curl -F` does");
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

struct Parameter {
  std::string_view name;
  std::string value;
};

// Of `; a=b; c="d \" e"`; kBadFormat names `where`.
Result<std::vector<Parameter>> parse_parameters(std::string_view text, const std::string& where) {
  std::vector<Parameter> parameters;
  for (;;) {
    text = trim(text);
    if (text.empty()) return parameters;
    if (text.front() != ';') return malformed(where + " has something else than ; where one must be");
    text = trim(text.substr(1));
    if (text.empty()) return parameters;
    const std::size_t name_end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_token) - text.begin());
    if (name_end == 0 || name_end == text.size() || text[name_end] != '=')
      return malformed(where + " has a parameter that is not name=value");
    Parameter parameter{text.substr(0, name_end), {}};
    text.remove_prefix(name_end + 1);
    if (text.starts_with('"')) {
      std::size_t at = 1;
      // Browsers write a quote as %22 and a backslash as it is; others put a backslash before a quote.
      for (; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\')) ++at;
        parameter.value += text[at];
      }
      if (at >= text.size()) return malformed(where + " has a quote that does not end");
      text.remove_prefix(at + 1);
    } else {
      const std::size_t end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_token) - text.begin());
      if (end == 0) return malformed(where + " has a parameter without a value");
      parameter.value = text.substr(0, end);
      text.remove_prefix(end);
    }
    for (const Parameter& other : parameters)
      if (equals_ignoring_case(other.name, parameter.name))
        return malformed(where + " gives '" + std::string(parameter.name) + "' twice");
    parameters.push_back(std::move(parameter));
  }
}

const std::string* find(const std::vector<Parameter>& parameters, std::string_view name) {
  for (const Parameter& parameter : parameters)
    if (equals_ignoring_case(parameter.name, name)) return &parameter.value;
  return nullptr;
}

// 1 to 70 of the characters that RFC 2046 allows; a blank not at the end.
bool is_boundary(std::string_view text) {
  return !text.empty() && text.size() <= 70 && text.back() != ' ' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  });
}

Result<std::string> boundary_of(std::string_view content_type) {
  if (!is_multipart_form(content_type)) return malformed("the Content-Type is another");
  const auto parameters = parse_parameters(trim(content_type).substr(kForm.size()), "the Content-Type");
  if (!parameters) return std::unexpected(parameters.error());
  const std::string* const boundary = find(*parameters, "boundary");
  if (boundary == nullptr) return malformed("the Content-Type has no boundary");
  if (!is_boundary(*boundary)) return malformed("the boundary is not 1 to 70 of the characters it may have");
  return *boundary;
}

bool is_clean_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = decode_utf8(text, at);
    if (!step.valid || step.value < 0x20 || step.value == 0x7F) return false;
    at += step.length;
  }
  return true;
}

Result<void> take_disposition(FormPart& part, std::string_view value, const std::string& where) {
  constexpr std::string_view kFormData = "form-data";
  if (!equals_ignoring_case(value.substr(0, kFormData.size()), kFormData))
    return malformed(where + " has a Content-Disposition that is not form-data");
  const auto parameters = parse_parameters(value.substr(kFormData.size()), where);
  if (!parameters) return std::unexpected(parameters.error());
  const std::string* const name = find(*parameters, "name");
  if (name == nullptr || name->empty()) return malformed(where + " has no name");
  if (!is_clean_text(*name)) return malformed(where + " has a name that is not plain UTF-8");
  part.name = *name;
  if (const std::string* const filename = find(*parameters, "filename")) {
    if (!is_clean_text(*filename)) return malformed(where + " has a file name that is not plain UTF-8");
    const std::size_t slash = filename->find_last_of("/\\");
    part.filename = slash == std::string::npos ? *filename : filename->substr(slash + 1);
  }
  return {};
}

Result<FormPart> parse_part(std::string_view headers, std::string_view content, const std::string& where) {
  FormPart part{{}, std::nullopt, "text/plain", content};
  bool has_disposition = false;
  bool has_type = false;
  while (!headers.empty()) {
    const std::size_t end = headers.find("\r\n");
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(end == std::string_view::npos ? headers.size() : end + 2);
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == std::string_view::npos || name.empty() || !std::ranges::all_of(name, is_token))
      return malformed(where + " has a header that is not 'name: value'");
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_clean_text(value)) return malformed(where + " has a header that is not plain UTF-8");
    if (equals_ignoring_case(name, "Content-Disposition")) {
      if (std::exchange(has_disposition, true)) return malformed(where + " has two Content-Dispositions");
      if (auto taken = take_disposition(part, value, where); !taken) return std::unexpected(taken.error());
    } else if (equals_ignoring_case(name, "Content-Type")) {
      if (std::exchange(has_type, true)) return malformed(where + " has two Content-Types");
      part.content_type = value;
    } else if (equals_ignoring_case(name, "Content-Transfer-Encoding")) {
      if (!equals_ignoring_case(value, "binary") && !equals_ignoring_case(value, "8bit") &&
          !equals_ignoring_case(value, "7bit"))
        return malformed(where + " is in the transfer encoding '" + std::string(value) +
                         "'; send the bytes as they are");
    } else if (!equals_ignoring_case(name, "Content-Length")) {  // some clients send it; the boundary decides
      return malformed(where + " has a header '" + std::string(name.substr(0, 40)) + "', which no part of a form has");
    }
  }
  if (!has_disposition) return malformed(where + " has no Content-Disposition");
  return part;
}

}  // namespace

bool is_multipart_form(std::string_view content_type) {
  content_type = trim(content_type);
  return equals_ignoring_case(content_type.substr(0, kForm.size()), kForm) &&
         (content_type.size() == kForm.size() || content_type[kForm.size()] == ';' ||
          content_type[kForm.size()] == ' ');
}

Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body,
                                              const MultipartLimits& limits) {
  const auto boundary = boundary_of(content_type);
  if (!boundary) return std::unexpected(boundary.error());
  const std::string delimiter = "\r\n--" + *boundary;
  std::vector<FormPart> parts;
  if (!body.starts_with(std::string_view(delimiter).substr(2))) return malformed("it does not begin with its boundary");
  body.remove_prefix(delimiter.size() - 2);
  for (;;) {
    if (body.starts_with("--")) {
      body.remove_prefix(2);
      if (!body.empty() && body != "\r\n") return malformed("something follows the last boundary");
      return parts;
    }
    if (!body.starts_with("\r\n")) return malformed("a boundary is not followed by the end of its line");
    const std::string where = "part " + std::to_string(parts.size() + 1);
    if (parts.size() == limits.parts) return malformed("more than " + std::to_string(limits.parts) + " parts");
    body.remove_prefix(2);
    // Headers end at an empty line; without any the content would begin with it, and a part without headers has no
    // name.
    const std::size_t headers_end = body.substr(0, limits.header_bytes + 4).find("\r\n\r\n");
    if (headers_end == std::string_view::npos)
      return malformed(where + " has headers without an end, or more than " + std::to_string(limits.header_bytes) +
                       " bytes of them");
    const std::string_view headers = body.substr(0, headers_end);
    body.remove_prefix(headers_end + 4);
    const std::size_t end = body.find(delimiter);
    if (end == std::string_view::npos) return malformed(where + " does not end with the boundary");
    auto part = parse_part(headers, body.substr(0, end), where);
    if (!part) return std::unexpected(part.error());
    parts.push_back(std::move(*part));
    body.remove_prefix(end + delimiter.size());
  }
}

}  // namespace warifu
