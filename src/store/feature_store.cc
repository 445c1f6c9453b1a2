#include "store/feature_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "store/feature_file.h"

namespace warifu {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are written as they lie in memory");

constexpr std::size_t kMaxKeyListBytes = std::size_t{4} << 30;

// A file by its name, with errors that carry the name. Closed when dropped.
class StoreFile {
 public:
  explicit StoreFile(std::filesystem::path path) : path_(std::move(path)) {}
  StoreFile(const StoreFile&) = delete;
  StoreFile& operator=(const StoreFile&) = delete;
  ~StoreFile() { close(); }

  bool is_open() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  Fail error() const {
    const int reason = errno;
    return fail(ErrorCode::kIo, path_.string() + ": " + std::strerror(reason),
                reason == ENOSPC || reason == EDQUOT ? "free some disk space and run the command again" : "");
  }
  const std::filesystem::path& path() const { return path_; }

  // False if there is no such file.
  Result<bool> open_for_reading() {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ >= 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return error();
  }

  Result<void> open_for_writing() {
    close();
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) return error();
    return {};
  }

  Result<void> lock() {
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return {};
    if (errno != EWOULDBLOCK) return error();
    return fail(ErrorCode::kUnavailable, path_.string() + ": another process is writing these features",
                "wait until it has finished, then run the command again");
  }

  Result<std::size_t> size() const {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) return error();
    return static_cast<std::size_t>(status.st_size);
  }

  // False if the file ends before `bytes` of them.
  Result<bool> read(void* out, std::size_t bytes, std::size_t offset) const {
    for (auto* at = static_cast<char*>(out); bytes > 0;) {
      const ssize_t got = ::pread(fd_, at, bytes, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return error();
      if (got == 0) return false;
      at += got;
      offset += static_cast<std::size_t>(got);
      bytes -= static_cast<std::size_t>(got);
    }
    return true;
  }

  Result<void> write(const void* from, std::size_t bytes, std::size_t offset) {
    for (const auto* at = static_cast<const char*>(from); bytes > 0;) {
      const ssize_t put = ::pwrite(fd_, at, bytes, static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return error();
      at += put;
      offset += static_cast<std::size_t>(put);
      bytes -= static_cast<std::size_t>(put);
    }
    return {};
  }

  Result<void> resize(std::size_t bytes) {
    if (::ftruncate(fd_, static_cast<off_t>(bytes)) != 0) return error();
    return {};
  }

  Result<void> sync() {
    if (::fsync(fd_) != 0) return error();
    return {};
  }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

// A new file's name must survive a power cut too.
void sync_folder(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

class NpyFeatureStore final : public FeatureStore {
 public:
  explicit NpyFeatureStore(const std::filesystem::path& base)
      : rows_file_(base.string() + ".npy"), keys_file_(base.string() + ".keys") {}

  Result<void> open() {
    const auto has_rows = rows_file_.open_for_reading();
    if (!has_rows) return std::unexpected(has_rows.error());
    const auto has_keys = keys_file_.open_for_reading();
    if (!has_keys) return std::unexpected(has_keys.error());
    return *has_rows ? load() : Result<void>();
  }

  std::size_t rows() const override { return row_of_.size(); }
  std::size_t cols() const override { return cols_; }
  bool contains(std::string_view key) const override { return row_of_.contains(std::string(key)); }
  Result<FloatMatrix> gather(std::span<const std::string> keys) const override;
  Result<void> append(std::span<const std::string> keys, const FloatMatrix& features) override;
  Result<void> flush() override;

 private:
  Result<KeyLines> read_keys() const;
  Result<void> load();
  Result<void> become_writer();
  Result<void> check(std::span<const std::string> keys, const FloatMatrix& features) const;
  std::size_t row_bytes() const { return cols_ * sizeof(float); }
  std::size_t row_offset(std::size_t row) const { return kFeatureHeaderBytes + row * row_bytes(); }

  StoreFile rows_file_;
  StoreFile keys_file_;
  std::unordered_map<std::string, std::size_t> row_of_;
  std::size_t cols_ = 0;
  std::size_t committed_rows_ = 0;  // with a line in the keys
  std::size_t key_bytes_ = 0;       // of those lines
  std::string pending_lines_;       // of rows written after them
  std::size_t pending_rows_ = 0;
  bool writer_ = false;
  bool failed_ = false;
};

Result<KeyLines> NpyFeatureStore::read_keys() const {
  if (!keys_file_.is_open()) return KeyLines{};
  const auto size = keys_file_.size();
  if (!size) return std::unexpected(size.error());
  if (*size > kMaxKeyListBytes)
    return fail(ErrorCode::kBadFormat, keys_file_.path().string() + ": " + std::to_string(*size) + " bytes of keys");
  std::string text(*size, '\0');
  if (const auto read = keys_file_.read(text.data(), text.size(), 0); !read) return std::unexpected(read.error());
  return read_key_lines(text);
}

// What both files agree on. Keys before rows: a writer makes rows durable first, so every row that
// the keys we read speak of is there.
Result<void> NpyFeatureStore::load() {
  row_of_.clear();
  cols_ = committed_rows_ = key_bytes_ = 0;
  const auto lines = read_keys();
  if (!lines) return std::unexpected(lines.error());
  const auto size = rows_file_.size();
  if (!size) return std::unexpected(size.error());
  std::string header(std::min(*size, kFeatureHeaderBytes), '\0');
  if (const auto read = rows_file_.read(header.data(), header.size(), 0); !read) return std::unexpected(read.error());
  if (is_torn_feature_header(header)) return {};  // torn before its first row: nothing was acknowledged
  const auto cols = feature_cols(header);
  if (!cols) return with_context(rows_file_.path().string(), cols.error());
  const std::size_t whole_rows = (*size - kFeatureHeaderBytes) / (*cols * sizeof(float));
  committed_rows_ = std::min(lines->keys.size(), whole_rows);
  if (committed_rows_ == 0) return {};
  cols_ = *cols;
  key_bytes_ = lines->ends[committed_rows_ - 1];
  row_of_.reserve(committed_rows_);
  for (std::size_t row = 0; row < committed_rows_; ++row) row_of_.insert_or_assign(lines->keys[row], row);
  return {};
}

Result<FloatMatrix> NpyFeatureStore::gather(std::span<const std::string> keys) const {
  std::vector<std::size_t> rows;
  rows.reserve(keys.size());
  for (const std::string& key : keys) {
    const auto at = row_of_.find(key);
    if (at == row_of_.end())
      return fail(ErrorCode::kNotFound, rows_file_.path().string() + ": no features of '" + key + "'");
    rows.push_back(at->second);
  }
  FloatMatrix features(keys.size(), cols_);
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t end = i + 1;  // rows that follow each other in the file are read at once
    while (end < rows.size() && rows[end] == rows[end - 1] + 1) ++end;
    const auto read = rows_file_.read(features.row(i).data(), (end - i) * row_bytes(), row_offset(rows[i]));
    if (!read) return std::unexpected(read.error());
    if (!*read)
      return fail(ErrorCode::kBadFormat, rows_file_.path().string() + ": shorter than when it was opened",
                  "run the command again");
    i = end;
  }
  return features;
}

Result<void> NpyFeatureStore::check(std::span<const std::string> keys, const FloatMatrix& features) const {
  const std::string place = rows_file_.path().string() + ": ";
  if (keys.size() != features.rows())
    return fail(ErrorCode::kInvalidArgument, place + std::to_string(keys.size()) + " keys for " +
                                                 std::to_string(features.rows()) + " rows of features");
  if (features.cols() == 0 || features.cols() > kMaxFeatureCols)
    return fail(ErrorCode::kInvalidArgument, place + "features of " + std::to_string(features.cols()) + " columns");
  for (const std::string& key : keys)
    if (key.empty() || key.size() > kMaxKeyBytes || key.find('\n') != std::string::npos)
      return fail(ErrorCode::kInvalidArgument,
                  place + "key '" + key.substr(0, 80) + "' is empty, too long or holds a line break");
  return {};
}

// Takes the lock, looks again at what is there, and cuts off what no flush() acknowledged.
Result<void> NpyFeatureStore::become_writer() {
  std::error_code failed;
  if (keys_file_.path().has_parent_path()) std::filesystem::create_directories(keys_file_.path().parent_path(), failed);
  const auto opened = [&]() -> Result<void> {
    if (auto keys = keys_file_.open_for_writing(); !keys) return keys;
    if (auto locked = keys_file_.lock(); !locked) return locked;
    if (auto rows = rows_file_.open_for_writing(); !rows) return rows;
    if (auto loaded = load(); !loaded) return loaded;
    if (auto cut = keys_file_.resize(key_bytes_); !cut) return cut;
    return rows_file_.resize(committed_rows_ == 0 ? 0 : row_offset(committed_rows_));
  }();
  if (!opened) {
    // A reader's own handles are gone; without a lock it may still read.
    keys_file_.close();
    if (!rows_file_.is_open()) static_cast<void>(rows_file_.open_for_reading());
    return opened;
  }
  sync_folder(keys_file_.path());
  writer_ = true;
  return {};
}

Result<void> NpyFeatureStore::append(std::span<const std::string> keys, const FloatMatrix& features) {
  if (keys.empty() && features.rows() == 0) return {};
  if (auto fits = check(keys, features); !fits) return fits;
  if (!writer_)
    if (auto ready = become_writer(); !ready) return ready;
  if (cols_ != 0 && features.cols() != cols_)
    return fail(ErrorCode::kIncompatible, rows_file_.path().string() + ": features of " +
                                              std::to_string(features.cols()) + " columns, those here have " +
                                              std::to_string(cols_));
  if (cols_ == 0) {
    const std::string header = feature_header(0, features.cols());
    if (auto written = rows_file_.write(header.data(), header.size(), 0); !written) return written;
    cols_ = features.cols();
  }
  const std::size_t first = committed_rows_ + pending_rows_;
  const auto values = features.values();
  if (auto written = rows_file_.write(values.data(), values.size_bytes(), row_offset(first)); !written) return written;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    pending_lines_ += key_line(first + i, keys[i]);
    row_of_.insert_or_assign(keys[i], first + i);
  }
  pending_rows_ += keys.size();
  return {};
}

Result<void> NpyFeatureStore::flush() {
  if (failed_)
    return fail(ErrorCode::kIo, rows_file_.path().string() + ": an earlier flush failed", "run the command again");
  if (pending_rows_ == 0) return {};
  failed_ = true;  // a failed fsync may have dropped what it was given, and the next one would not know
  // Rows before the lines that speak of them; the count in the header, which only numpy reads, last.
  if (auto synced = rows_file_.sync(); !synced) return synced;
  if (auto written = keys_file_.write(pending_lines_.data(), pending_lines_.size(), key_bytes_); !written)
    return written;
  if (auto synced = keys_file_.sync(); !synced) return synced;
  committed_rows_ += std::exchange(pending_rows_, 0);
  key_bytes_ += std::exchange(pending_lines_, {}).size();
  const std::string header = feature_header(committed_rows_, cols_);
  if (auto written = rows_file_.write(header.data(), header.size(), 0); !written) return written;
  failed_ = false;
  return {};
}

}  // namespace

Result<std::unique_ptr<FeatureStore>> open_feature_store(const std::filesystem::path& base) {
  auto store = std::make_unique<NpyFeatureStore>(base);
  if (auto opened = store->open(); !opened) return std::unexpected(opened.error());
  return store;
}

}  // namespace warifu
