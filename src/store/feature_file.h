#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// The bytes of a feature store: the header of its NPY file and the lines of its list of keys.
namespace warifu {

inline constexpr std::size_t kFeatureHeaderBytes = 128;
inline constexpr std::size_t kMaxFeatureCols = std::size_t{1} << 20;
inline constexpr std::size_t kMaxKeyBytes = std::size_t{1} << 16;

// An NPY v1.0 header of always the same length, so that the count can be rewritten in place.
std::string feature_header(std::size_t rows, std::size_t cols);

// The columns of a header that feature_header() made, whatever its count says. kBadFormat.
Result<std::size_t> feature_cols(std::string_view header);

// Whether this is the beginning of such a header and ends before it does (it may be empty).
bool is_torn_feature_header(std::string_view bytes);

// The line of `key` as row number `row`, with its line break.
std::string key_line(std::uint64_t row, std::string_view key);

// The keys of rows 0, 1, … up to the first line that is torn, damaged or not in its place.
struct KeyLines {
  std::vector<std::string> keys;
  std::vector<std::size_t> ends;  // ends[i]: bytes up to and including the line of keys[i]
};
KeyLines read_key_lines(std::string_view text);

}  // namespace warifu
