#include "io/npy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/atomic_file.h"
#include "io/byte_stream.h"
#include "io/npy_header.h"
#include "io/npy_layout.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxCompressedFortranBytes = std::size_t{2} << 30;
constexpr std::size_t kBlockBytes = std::size_t{4} << 20;

Result<void> check_cols(const NpyLayout& layout, const FloatMatrix& out) {
  if (out.cols() == layout.cols) return {};
  return fail(ErrorCode::kInvalidArgument, "a matrix of " + std::to_string(out.cols()) +
                                               " columns cannot take rows of " + std::to_string(layout.cols));
}

// --- row after row: C order, and vectors ---

class RowsInOrder final : public NpyRowReader {
 public:
  RowsInOrder(NpyLayout layout, ByteStream stream) : layout_(std::move(layout)), stream_(std::move(stream)) {}

  const NpyHeader& header() const override { return layout_.header; }
  std::size_t rows() const override { return layout_.rows; }
  std::size_t cols() const override { return layout_.cols; }

  Result<std::size_t> read(FloatMatrix& out) override {
    if (auto fits = check_cols(layout_, out); !fits) return std::unexpected(fits.error());
    const std::size_t rows = std::min(out.rows(), layout_.rows - rows_read_);
    const std::size_t values = rows * layout_.cols;
    raw_.resize(std::min(values * layout_.element_bytes, kBlockBytes));
    for (std::size_t done = 0; done < values;) {
      const std::size_t count = std::min(values - done, kBlockBytes / layout_.element_bytes);
      const auto wanted = std::span(raw_).first(count * layout_.element_bytes);
      const auto got = stream_.read(wanted);
      if (!got) return std::unexpected(got.error());
      if (*got < wanted.size())
        return npy_truncated(layout_, (rows_read_ * layout_.cols + done) * layout_.element_bytes + *got);
      layout_.convert(raw_.data(), count, 1, out.values().data() + done);
      done += count;
    }
    rows_read_ += rows;
    return rows;
  }

 private:
  NpyLayout layout_;
  ByteStream stream_;
  std::vector<std::byte> raw_;
  std::size_t rows_read_ = 0;
};

// --- column after column: Fortran order ---

// Where the values of a Fortran-order array can be reached in any order.
class RandomAccess {
 public:
  virtual ~RandomAccess() = default;
  virtual Result<void> read_at(std::size_t offset, std::span<std::byte> out) = 0;
};

class FileAccess final : public RandomAccess {
 public:
  explicit FileAccess(int fd) : fd_(fd) {}
  FileAccess(const FileAccess&) = delete;
  FileAccess& operator=(const FileAccess&) = delete;
  ~FileAccess() override { ::close(fd_); }

  Result<void> read_at(std::size_t offset, std::span<std::byte> out) override {
    while (!out.empty()) {
      const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(ErrorCode::kIo, std::strerror(errno));
      if (got == 0) return fail(ErrorCode::kBadFormat, "truncated while it was being read");
      out = out.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::size_t>(got);
    }
    return {};
  }

 private:
  int fd_;
};

class MemoryAccess final : public RandomAccess {
 public:
  MemoryAccess(std::vector<std::byte> bytes, std::size_t preamble) : bytes_(std::move(bytes)), preamble_(preamble) {}
  Result<void> read_at(std::size_t offset, std::span<std::byte> out) override {
    std::memcpy(out.data(), bytes_.data() + (offset - preamble_), out.size());
    return {};
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t preamble_;
};

// Turns a block of rows at a time, a stretch of each column after the other.
class RowsAcrossColumns final : public NpyRowReader {
 public:
  RowsAcrossColumns(NpyLayout layout, std::unique_ptr<RandomAccess> bytes)
      : layout_(std::move(layout)), bytes_(std::move(bytes)) {}

  const NpyHeader& header() const override { return layout_.header; }
  std::size_t rows() const override { return layout_.rows; }
  std::size_t cols() const override { return layout_.cols; }

  Result<std::size_t> read(FloatMatrix& out) override {
    if (auto fits = check_cols(layout_, out); !fits) return std::unexpected(fits.error());
    std::size_t done = 0;
    for (; done < out.rows() && next_row_ < layout_.rows; ++done, ++next_row_) {
      if (next_row_ >= block_begin_ + block_.rows())
        if (auto loaded = load_block(); !loaded) return std::unexpected(loaded.error());
      const auto row = std::as_const(block_).row(next_row_ - block_begin_);
      std::copy(row.begin(), row.end(), out.row(done).begin());
    }
    return done;
  }

 private:
  Result<void> load_block() {
    const std::size_t fitting = std::max<std::size_t>(1, 8 * kBlockBytes / sizeof(float) / layout_.cols);
    const std::size_t rows = std::min(fitting, layout_.rows - next_row_);
    FloatMatrix block(rows, layout_.cols);
    std::vector<std::byte> raw(rows * layout_.element_bytes);
    for (std::size_t col = 0; col < layout_.cols; ++col) {
      const std::size_t offset = layout_.preamble_bytes + (col * layout_.rows + next_row_) * layout_.element_bytes;
      if (auto got = bytes_->read_at(offset, raw); !got) return got;
      layout_.convert(raw.data(), rows, layout_.cols, block.values().data() + col);
    }
    block_ = std::move(block);
    block_begin_ = next_row_;
    return {};
  }

  NpyLayout layout_;
  std::unique_ptr<RandomAccess> bytes_;
  FloatMatrix block_;
  std::size_t block_begin_ = 0;
  std::size_t next_row_ = 0;
};

// Memory grows with the bytes that arrive, never with what the header promises.
Result<std::vector<std::byte>> decompress_all(const NpyLayout& layout, ByteStream& stream) {
  if (layout.data_bytes() > kMaxCompressedFortranBytes)
    return fail(ErrorCode::kInvalidArgument,
                "a compressed array in Fortran order of " + std::to_string(layout.data_bytes()) +
                    " bytes; the limit is " + std::to_string(kMaxCompressedFortranBytes),
                "decompress it, or save it in C order: numpy.ascontiguousarray(array)");
  std::vector<std::byte> bytes;
  while (bytes.size() < layout.data_bytes()) {
    const std::size_t before = bytes.size();
    const std::size_t count = std::min(kBlockBytes, layout.data_bytes() - before);
    bytes.resize(before + count);
    const auto got = stream.read(std::span(bytes).subspan(before));
    if (!got) return std::unexpected(got.error());
    if (*got < count) return npy_truncated(layout, before + *got);
  }
  return bytes;
}

Result<std::unique_ptr<NpyRowReader>> open_stream(const std::filesystem::path& path, ByteStream stream) {
  auto layout = read_npy_layout(stream);
  if (!layout) return std::unexpected(layout.error());
  if (const auto size = stream.plain_size(); size && *size < layout->preamble_bytes + layout->data_bytes())
    return npy_truncated(*layout, *size - std::min<std::uint64_t>(*size, layout->preamble_bytes));
  if (!layout->by_columns()) return std::make_unique<RowsInOrder>(std::move(*layout), std::move(stream));
  if (stream.plain_size()) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(ErrorCode::kIo, std::strerror(errno));
    return std::make_unique<RowsAcrossColumns>(std::move(*layout), std::make_unique<FileAccess>(fd));
  }
  auto bytes = decompress_all(*layout, stream);
  if (!bytes) return std::unexpected(bytes.error());
  const std::size_t preamble = layout->preamble_bytes;
  return std::make_unique<RowsAcrossColumns>(std::move(*layout),
                                             std::make_unique<MemoryAccess>(std::move(*bytes), preamble));
}

// Names the file in the errors of a reader.
class NamedRows final : public NpyRowReader {
 public:
  NamedRows(std::string place, std::unique_ptr<NpyRowReader> rows) : place_(std::move(place)), rows_(std::move(rows)) {}
  const NpyHeader& header() const override { return rows_->header(); }
  std::size_t rows() const override { return rows_->rows(); }
  std::size_t cols() const override { return rows_->cols(); }
  Result<std::size_t> read(FloatMatrix& out) override {
    auto got = rows_->read(out);
    if (!got) return with_context(place_, std::move(got.error()));
    return got;
  }

 private:
  std::string place_;
  std::unique_ptr<NpyRowReader> rows_;
};

Result<void> write_values(const std::filesystem::path& path, std::string_view descr, std::span<const std::byte> values,
                          std::size_t rows, std::size_t cols) {
  auto file = AtomicFile::create(path);
  if (!file) return std::unexpected(file.error());
  if (auto written = file->write(npy_preamble(descr, rows, cols)); !written) return written;
  if (auto written = file->write(values); !written) return written;
  return file->commit();
}

}  // namespace

Result<std::unique_ptr<NpyRowReader>> open_npy(const std::filesystem::path& path) {
  auto stream = ByteStream::open(path);
  if (!stream) return std::unexpected(stream.error());
  auto rows = open_stream(path, std::move(*stream));
  if (!rows) return with_context(path.string(), std::move(rows.error()));
  return std::make_unique<NamedRows>(path.string(), std::move(*rows));
}

Result<FloatMatrix> read_npy_matrix(const std::filesystem::path& path) {
  auto reader = open_npy(path);
  if (!reader) return std::unexpected(reader.error());
  NpyRowReader& source = **reader;
  const std::size_t block_rows = std::max<std::size_t>(1, kBlockBytes / sizeof(float) / source.cols());
  FloatMatrix block(std::min(block_rows, source.rows()), source.cols());
  std::vector<float> values;  // grows with what arrives: a header may promise any size
  for (;;) {
    const auto got = source.read(block);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) break;
    const auto rows = block.values().first(*got * source.cols());
    values.insert(values.end(), rows.begin(), rows.end());
  }
  return FloatMatrix(source.rows(), source.cols(), std::move(values));
}

Result<void> write_npy(const std::filesystem::path& path, const FloatMatrix& matrix) {
  return write_values(path, "<f4", std::as_bytes(matrix.values()), matrix.rows(), matrix.cols());
}

Result<void> write_npy_u8(const std::filesystem::path& path, std::span<const std::uint8_t> values, std::size_t rows,
                          std::size_t cols) {
  if (cols == 0 ? !values.empty() : values.size() / cols != rows || values.size() % cols != 0)
    return fail(ErrorCode::kInvalidArgument, path.string() + ": " + std::to_string(values.size()) + " bytes are not " +
                                                 std::to_string(rows) + " rows of " + std::to_string(cols));
  return write_values(path, "|u1", std::as_bytes(values), rows, cols);
}

}  // namespace warifu
