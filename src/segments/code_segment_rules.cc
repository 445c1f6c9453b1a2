#include "segments/code_segment_rules.h"

#include <algorithm>
#include <cstddef>
#include <functional>

namespace warifu {
namespace {

std::string at_position(std::int64_t row, std::size_t position) {
  return "row " + std::to_string(row) + " at position " + std::to_string(position);
}

// The first position whose number is not above the one before it, or numbers.size().
template <typename Number>
std::size_t first_not_ascending(std::span<const Number> numbers) {
  // Millions ascend and one does not: first see whether, without a branch per number, then where.
  bool ascending = true;
  for (std::size_t i = 1; i < numbers.size(); ++i) ascending &= numbers[i - 1] < numbers[i];
  if (ascending) return numbers.size();
  const auto found = std::ranges::adjacent_find(numbers, std::greater_equal<>{});
  return static_cast<std::size_t>(found - numbers.begin()) + 1;
}

std::string stray_bits(std::size_t position, std::size_t bits) {
  return "code " + std::to_string(position) + " has bits set beyond its " + std::to_string(bits);
}

}  // namespace

std::optional<std::string> broken_rows(std::span<const std::int64_t> rows) {
  if (const auto negative = std::ranges::find_if(rows, [](std::int64_t row) { return row < 0; });
      negative != rows.end())
    return at_position(*negative, static_cast<std::size_t>(negative - rows.begin())) + " is negative";
  const std::size_t position = first_not_ascending(rows);
  if (position < rows.size()) return at_position(rows[position], position) + " does not ascend";
  return std::nullopt;
}

std::optional<std::string> broken_rows(std::int64_t first, std::span<const std::uint32_t> offsets) {
  if (!offsets.empty() && offsets[0] != 0) return at_position(first + offsets[0], 0) + " is not the first row";
  const std::size_t position = first_not_ascending(offsets);
  if (position < offsets.size()) return at_position(first + offsets[position], position) + " does not ascend";
  return std::nullopt;
}

std::optional<std::string> broken_padding(const CodeMatrix& codes) {
  if (codes.bits() % 64 == 0) return std::nullopt;
  for (std::size_t i = 0; i < codes.count(); ++i)
    if ((codes.row(i).back() >> (codes.bits() % 64)) != 0) return stray_bits(i, codes.bits());
  return std::nullopt;
}

std::optional<std::string> broken_padding(const BlockView& codes) {
  if (codes.bits % 8 == 0) return std::nullopt;
  const std::size_t last_byte = codes.bytes_per_code() - 1;
  for (std::size_t i = 0; i < codes.count; ++i)
    if ((codes.byte(i, last_byte) >> (codes.bits % 8)) != 0) return stray_bits(i, codes.bits);
  return std::nullopt;
}

std::optional<std::string> broken_lanes(const BlockView& codes) {
  for (std::size_t lane = codes.count; lane < codes.blocks() * kBlockCodes; ++lane)
    for (std::size_t p = 0; p < codes.bytes_per_code(); ++p)
      if (codes.byte(lane, p) != 0)
        return "lane " + std::to_string(lane) + " behind the last code, " + std::to_string(codes.count) +
               " in all, is not zero";
  return std::nullopt;
}

}  // namespace warifu
