#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace warifu {

inline std::string little_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

inline std::string big_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

// What a camera writes: its owner, how it was held (1 … 8), and where (35° 41' N, 139° 41' E), as a TIFF structure.
inline std::string exif_with_position(std::string_view owner, int orientation) {
  const auto entry = [](std::uint32_t tag, std::uint32_t type, std::uint32_t count, std::uint32_t value) {
    return little_endian(tag, 2) + little_endian(type, 2) + little_endian(count, 4) + little_endian(value, 4);
  };
  constexpr std::uint32_t kFirst = 8, kGps = kFirst + 2 + 3 * 12 + 4, kNumbers = kGps + 2 + 4 * 12 + 4,
                          kOwner = kNumbers + 2 * 24;
  std::string tiff = "II*" + std::string(1, '\0') + little_endian(kFirst, 4);
  tiff += little_endian(3, 2) + entry(0x010F, 2, static_cast<std::uint32_t>(owner.size()) + 1, kOwner) +
          entry(0x0112, 3, 1, static_cast<std::uint32_t>(orientation)) + entry(0x8825, 4, 1, kGps) +
          little_endian(0, 4);
  tiff += little_endian(4, 2) + entry(1, 2, 2, 'N') + entry(2, 5, 3, kNumbers) + entry(3, 2, 2, 'E') +
          entry(4, 5, 3, kNumbers + 24) + little_endian(0, 4);
  for (const std::uint32_t number : std::array<std::uint32_t, 6>{35, 41, 22, 139, 41, 30})
    tiff += little_endian(number, 4) + little_endian(1, 4);
  return tiff + std::string(owner) + '\0';
}

// `jpeg` with everything beside pixels that tells of somebody: EXIF with a position, XMP, IPTC and a comment, each
// naming `owner` (short, ASCII).
inline std::string jpeg_with_metadata(std::span<const std::byte> jpeg, std::string_view owner, int orientation = 1) {
  const auto segment = [](char marker, const std::string& body) {
    return std::string("\xFF") + marker + big_endian(static_cast<std::uint32_t>(body.size()) + 2, 2) + body;
  };
  const std::string name(owner), nul(1, '\0');
  const std::string iptc = "\x1C\x02\x50" + big_endian(static_cast<std::uint32_t>(name.size()), 2) + name;
  std::string bytes(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
  bytes.insert(2, segment('\xE1', "Exif" + nul + nul + exif_with_position(owner, orientation)) +
                      segment('\xE1', "http://ns.adobe.com/xap/1.0/" + nul + "<x:xmpmeta><creator>" + name +
                                          "</creator></x:xmpmeta>") +
                      segment('\xED', "Photoshop 3.0" + nul + "8BIM\x04\x04" + nul + nul +
                                          big_endian(static_cast<std::uint32_t>(iptc.size()), 4) + iptc) +
                      segment('\xFE', "taken by " + name));
  return bytes;
}

// `png` with a text chunk that names `owner`.
inline std::string png_with_metadata(std::span<const std::byte> png, std::string_view owner) {
  const std::string body = "tEXtAuthor" + std::string(1, '\0') + std::string(owner);
  std::uint32_t crc = ~0U;
  for (const char c : body) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320U & (~(crc & 1) + 1));
  }
  std::string bytes(reinterpret_cast<const char*>(png.data()), png.size());
  bytes.insert(8 + 25, big_endian(static_cast<std::uint32_t>(body.size()) - 4, 4) + body + big_endian(~crc, 4));
  return bytes;
}

}  // namespace warifu
