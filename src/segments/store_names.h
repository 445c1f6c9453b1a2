#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The names of the files of a code store's folder: docs/reference/formats/code-store.md. Internal to segments/.
namespace warifu {

inline constexpr std::string_view kStoreManifestName = "manifest.wcm";
inline constexpr std::string_view kStoreLockName = "writer.lock";
inline constexpr std::string_view kDamagedSuffix = ".damaged";

enum class StoreFileKind { kManifest, kSegment, kDeletes, kLog, kTemporary };

// Numbers of files and sequences of changes are below this: no store gets so far by counting from 1, and what counts
// on from any of them does not wrap.
inline constexpr std::uint64_t kStoreNumberEnd = std::uint64_t{1} << 63;

// What a file's name tells of it. Numbers are never used twice in one store.
struct StoreFileName {
  StoreFileKind kind = StoreFileKind::kTemporary;
  std::uint64_t number = 0;         // of a segment, deletes or a log
  std::uint64_t last_sequence = 0;  // segments: the newest change of the log that is in it
  std::string name;

  auto operator<=>(const StoreFileName&) const = default;
};

std::string segment_file_name(std::uint64_t number, std::uint64_t last_sequence);
std::string deletes_file_name(std::uint64_t number);
std::string log_file_name(std::uint64_t number);
std::string temporary_file_name(std::string_view name);

// kTemporary: a write that was cut short. Nothing: a file that no code store wrote, or one that was set aside. Such
// files are never touched.
std::optional<StoreFileName> parse_store_file_name(std::string_view name);

}  // namespace warifu
