#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "base/error.h"
#include "store/catalog.h"

namespace warifu {

// Writes the list for the owner of the data: the items whose picture and text less likely belong
// together than not (clean_probability[i], of items[i], below 0.5), the least likely first, as CSV with
// columns id, clean_probability, image, text. With a byte order mark: Excel reads it as UTF-8 then. An id or text
// that a spreadsheet would compute (it begins with = + - @) gets an apostrophe before it.
// The positions of those items in the order of the list; errors of write_file_atomically.
Result<std::vector<std::size_t>> write_suspicious_pairs(const std::filesystem::path& path, std::span<const Item> items,
                                                        std::span<const float> clean_probability);

}  // namespace warifu
