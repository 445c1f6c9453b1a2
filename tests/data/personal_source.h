#pragma once

#include <filesystem>

namespace warifu::fixtures {

// Writes folder/personal/: pairs.csv (id, image, text, owner) about two pictures that tell of somebody. tanaka-taro.jpg
// is a drawn face with what a camera writes (EXIF with a position, XMP, IPTC); plate-of-suzuki.png a drawn number
// plate. Every secret is in Japanese or Latin letters and holds "tanaka", "suzuki", "1234-5678" or "778899".
void write_personal_source(const std::filesystem::path& folder);

}  // namespace warifu::fixtures
