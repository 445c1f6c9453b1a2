#include "base/utf8.h"

namespace warifu {
namespace {

// The second byte's range depends on the first (it is what excludes overlong forms, surrogates and
// values above U+10FFFF); every later byte is 80 … BF.
struct Lead {
  std::size_t length;  // 0: no character begins with this byte
  unsigned second_min;
  unsigned second_max;
};

constexpr Lead classify(unsigned lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

}  // namespace

Utf8Step decode_utf8(std::string_view bytes, std::size_t at) {
  const unsigned first = byte_at(bytes, at);
  const Lead lead = classify(first);
  if (lead.length == 0) return {};
  if (lead.length == 1) return {.value = first, .length = 1, .valid = true};
  char32_t value = first & (0x7FU >> lead.length);
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (at + i >= bytes.size()) return {.length = i};
    const unsigned next = byte_at(bytes, at + i);
    const unsigned low = i == 1 ? lead.second_min : 0x80U;
    const unsigned high = i == 1 ? lead.second_max : 0xBFU;
    if (next < low || next > high) return {.length = i};
    value = (value << 6) | (next & 0x3FU);
  }
  return {.value = value, .length = lead.length, .valid = true};
}

void append_utf8(char32_t value, std::string& out) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0 | (value >> 6));
    put(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    put(0xE0 | (value >> 12));
    put(0x80 | ((value >> 6) & 0x3F));
    put(0x80 | (value & 0x3F));
  } else {
    put(0xF0 | (value >> 18));
    put(0x80 | ((value >> 12) & 0x3F));
    put(0x80 | ((value >> 6) & 0x3F));
    put(0x80 | (value & 0x3F));
  }
}

std::string repair_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const Utf8Step step = decode_utf8(bytes, at);
    if (step.valid) {
      out.append(bytes, at, step.length);
    } else {
      append_utf8(0xFFFD, out);
    }
    at += step.length;
  }
  return out;
}

std::string_view utf8_prefix(std::string_view bytes, std::size_t max_bytes) {
  if (bytes.size() <= max_bytes) return bytes;
  std::size_t end = max_bytes;
  while (end > 0 && max_bytes - end < 3 && (byte_at(bytes, end) & 0xC0U) == 0x80U) --end;
  return bytes.substr(0, end);
}

}  // namespace warifu
