#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

struct archive;  // libarchive

namespace warifu {

// One file inside an archive. Names are only names: nothing is ever unpacked to them.
struct ArchiveMember {
  std::string name;        // as stored; not checked to be UTF-8; a leading "./" is dropped
  std::uint64_t size = 0;  // as the archive claims
  bool is_link = false;    // a hard link to an earlier member: it has no content of its own
};

enum class ArchiveKind { kTar, kZip };

// The files of a tar archive (plain, gzip, xz or zstd, told by content) or a zip archive, once and in their order.
// Folders, devices and symbolic links are passed over.
//
// Thread safety: none; one owner. Messages do not name the archive: the caller knows the place.
class ArchiveStream {
 public:
  // kNotFound; kInvalidArgument for a folder; kBadFormat if it is no archive of that kind.
  static Result<ArchiveStream> open(const std::filesystem::path& path, ArchiveKind kind);

  // The next file; nothing at the end. kBadFormat: the archive is damaged here. can_go_on() then
  // tells whether next() may find further files behind the damage.
  Result<std::optional<ArchiveMember>> next();
  bool can_go_on() const { return can_go_on_; }

  // How much of the archive's bytes were read from the disk, 0 … 1. For progress only.
  double share_read() const;

  // The content of the file next() gave last. kInvalidArgument if it is larger than `max_bytes`, whatever
  // size the archive claims; kBadFormat if the archive ends or is damaged within.
  Result<std::vector<std::byte>> read(std::size_t max_bytes);
  // The same in parts, to `sink`, whose errors end the reading.
  Result<void> read(std::uint64_t max_bytes, const std::function<Result<void>(std::span<const std::byte>)>& sink);

 private:
  struct Close {
    void operator()(archive* opened) const;
  };
  explicit ArchiveStream(archive* opened) : archive_(opened) {}
  Fail damaged();

  std::unique_ptr<archive, Close> archive_;
  std::uintmax_t file_bytes_ = 0;
  bool can_go_on_ = true;
};

}  // namespace warifu
