#include "io/archive_stream.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace warifu {
namespace {

Fail too_large(std::uint64_t max_bytes) {
  return fail(ErrorCode::kInvalidArgument, "larger than the limit of " + std::to_string(max_bytes) + " bytes",
              "make it smaller");
}

std::string name_of(archive_entry* entry) {
  // Names in pax headers are UTF-8 and reach us as such; those of older headers are bytes.
  const char* name = archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = archive_entry_pathname(entry);
  std::string_view text = name == nullptr ? "" : name;
  while (text.starts_with("./")) text.remove_prefix(2);
  return std::string(text);
}

}  // namespace

void ArchiveStream::Close::operator()(archive* opened) const { archive_read_free(opened); }

Fail ArchiveStream::damaged() {
  const char* reason = archive_error_string(archive_.get());
  std::string text = reason == nullptr ? "the archive is damaged" : reason;
  std::ranges::replace(text, '\n', ' ');
  return fail(ErrorCode::kBadFormat, text, "copy or pack the archive again");
}

Result<ArchiveStream> ArchiveStream::open(const std::filesystem::path& path, ArchiveKind kind) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return fail(ErrorCode::kNotFound, "no such file");
  if (!std::filesystem::is_regular_file(path, error)) return fail(ErrorCode::kInvalidArgument, "is not a regular file");
  ArchiveStream stream(archive_read_new());
  archive* opened = stream.archive_.get();
  if (opened == nullptr) return fail(ErrorCode::kInternal, "libarchive does not start");
  // Only what is built in: some filters of libarchive would start other programs.
  if (kind == ArchiveKind::kTar) {
    archive_read_support_format_tar(opened);
    archive_read_support_filter_gzip(opened);
    archive_read_support_filter_xz(opened);
    archive_read_support_filter_zstd(opened);
  } else {
    archive_read_support_format_zip(opened);
  }
  constexpr std::size_t kBlockBytes = std::size_t{1} << 18;
  if (archive_read_open_filename(opened, path.c_str(), kBlockBytes) != ARCHIVE_OK) return stream.damaged();
  stream.file_bytes_ = std::filesystem::file_size(path, error);
  if (error) stream.file_bytes_ = 0;
  return stream;
}

double ArchiveStream::share_read() const {
  constexpr int kOutermostFilter = -1;
  if (file_bytes_ == 0) return 0;
  return static_cast<double>(archive_filter_bytes(archive_.get(), kOutermostFilter)) / static_cast<double>(file_bytes_);
}

Result<std::optional<ArchiveMember>> ArchiveStream::next() {
  while (can_go_on_) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(archive_.get(), &entry);
    if (status == ARCHIVE_EOF) return std::nullopt;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
      can_go_on_ = status == ARCHIVE_RETRY;
      return damaged();
    }
    const bool is_link = archive_entry_hardlink(entry) != nullptr;
    if (archive_entry_filetype(entry) != AE_IFREG && !is_link) continue;
    const auto size = archive_entry_size(entry);
    return ArchiveMember{name_of(entry), size > 0 ? static_cast<std::uint64_t>(size) : 0, is_link};
  }
  return std::nullopt;
}

Result<void> ArchiveStream::read(std::uint64_t max_bytes,
                                 const std::function<Result<void>(std::span<const std::byte>)>& sink) {
  std::vector<std::byte> block(std::size_t{1} << 16);
  std::uint64_t total = 0;
  while (true) {
    const auto got = archive_read_data(archive_.get(), block.data(), block.size());
    if (got == 0) return {};
    if (got < 0) {
      can_go_on_ = got == ARCHIVE_RETRY || got == ARCHIVE_WARN || got == ARCHIVE_FAILED;
      return damaged();
    }
    total += static_cast<std::uint64_t>(got);
    if (total > max_bytes) return too_large(max_bytes);
    if (auto taken = sink(std::span(block).first(static_cast<std::size_t>(got))); !taken) return taken;
  }
}

Result<std::vector<std::byte>> ArchiveStream::read(std::size_t max_bytes) {
  std::vector<std::byte> content;
  const auto read_all = read(max_bytes, [&](std::span<const std::byte> part) -> Result<void> {
    content.insert(content.end(), part.begin(), part.end());
    return {};
  });
  if (!read_all) return Fail(read_all.error());
  return content;
}

}  // namespace warifu
