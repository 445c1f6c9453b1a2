#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// What reading and writing of FAISS's files have in common: docs/reference/formats/faiss-binary.md. Internal to
// segments/.
namespace warifu {

inline constexpr std::string_view kFaissFlat = "IBxF";
inline constexpr std::string_view kFaissIdMap = "IBMp";
inline constexpr std::string_view kFaissIdMap2 = "IBM2";
inline constexpr std::int32_t kFaissMetricL2 = 1;  // what every binary index says, Hamming though it is

// What each index, the map and the one in it, begins with behind its kind. Its fields lie in the file without gaps.
struct FaissIndexHeader {
  std::int32_t bits = 0;
  std::int32_t code_bytes = 0;  // of a map: 0, as FAISS 1.7 leaves it, or as in the index in it
  std::int64_t count = 0;
  std::uint8_t is_trained = 1;
  std::int32_t metric = kFaissMetricL2;
};

// The first id that is negative or repeats, in words.
std::optional<std::string> broken_faiss_ids(std::span<const std::int64_t> ids);

}  // namespace warifu
