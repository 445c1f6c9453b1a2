#include "segments/log_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace warifu {

LogWriter::LogWriter(const StoreFolder& folder, StoreFd file, std::uint64_t number, std::uint32_t header_checksum,
                     std::size_t end_bytes)
    : folder_(&folder),
      file_(std::move(file)),
      path_(folder.file(log_file_name(number))),
      header_checksum_(header_checksum),
      end_bytes_(end_bytes) {}

Result<LogWriter> LogWriter::create(const StoreFolder& folder, const LogHeader& header) {
  const auto path = folder.file(log_file_name(header.number));
  if (auto ok = folder.before(StoreStep::kCreateLog, path); !ok) return std::unexpected(ok.error());
  StoreFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (file.get() < 0) return store_io_error(path, errno);
  const auto words = log_header_words(header);
  LogWriter log(folder, std::move(file), header.number, log_header_checksum(words), 0);
  if (auto ok = log.append(words); !ok) {
    ::unlink(path.c_str());
    return std::unexpected(ok.error());
  }
  return log;
}

Result<void> LogWriter::sync() {
  if (auto ok = folder_->before(StoreStep::kSyncLog, path_); !ok) return ok;
  if (::fdatasync(file_.get()) != 0) return store_io_error(path_, errno);
  return {};
}

Result<void> LogWriter::cut() {
  if (auto ok = folder_->before(StoreStep::kCutLog, path_); !ok) return ok;
  if (::ftruncate(file_.get(), static_cast<off_t>(end_bytes_)) != 0) return store_io_error(path_, errno);
  return {};
}

Result<void> LogWriter::append(std::span<const std::uint64_t> records) {
  if (broken_) return std::unexpected(*broken_);
  auto written = folder_->before(StoreStep::kWriteLog, path_);
  if (written)
    if (const int reason = write_fully(file_.get(), std::as_bytes(records)); reason != 0)
      written = store_io_error(path_, reason);
  if (!written) {
    // The cut must be durable before the numbers of these records are used again.
    auto undone = cut();
    if (undone) undone = sync();
    if (!undone) broken_ = undone.error();
    return written;
  }
  if (const auto synced = sync(); !synced) {
    broken_ = synced.error();
    broken_->hint = "it is unknown whether this change is on the disk: open the store again to see";
    return std::unexpected(*broken_);
  }
  end_bytes_ += records.size_bytes();
  return {};
}

}  // namespace warifu
