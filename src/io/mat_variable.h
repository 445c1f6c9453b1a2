#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/isolated_child.h"

namespace warifu {

// What a variable of a MATLAB file holds, as far as its rows can be used.
enum class MatKind { kNumbers, kCharacters, kCells, kOther };

// A variable as the file declares it; nothing of its content is read. dims are as in MATLAB:
// column-major, at least two.
struct MatVariable {
  std::string name;
  std::string file;  // for messages: "labelList.mat"
  MatKind kind = MatKind::kOther;
  bool is_small_integer = false;  // logical, int8 or uint8
  std::vector<std::uint64_t> dims;

  // Rows as items are counted: a vector's length whichever way it lies, the last dimension of a
  // picture array [height, width, 3, n], else dims[0].
  std::uint64_t rows() const;
  // Numbers in a row; 1 for text.
  std::uint64_t columns() const;
  bool is_pixels() const;         // [height, width, 3, n] uint8
  std::string described() const;  // 'LAll' (20015 x 24) in labelList.mat
};

// A .mat file held open: version 4, 5 or 7.3, or a zip archive with one in it, which is unpacked
// into a nameless temporary file.
struct MatFile {
  FileDescriptor fd;
  std::filesystem::path path;
  std::string name;        // the path's last part
  std::uint64_t size = 0;  // bytes
};

// kNotFound, kInvalidArgument for a folder, kBadFormat for a zip without a .mat, kIo.
Result<MatFile> open_mat_file(const std::filesystem::path& path);

// The variables in the order of the file. kBadFormat (with the file's name): not a MATLAB file, or damaged.
//
// libmatio, which does the reading, trusts what files say about themselves. It therefore runs in a
// child process (isolated_child.h), here and in MatRows, and what it reports is checked again.
Result<std::vector<MatVariable>> list_mat_variables(const MatFile& file);

// The rows of one variable, one after another. Numbers are converted a block of rows at a time
// (at most 256 MiB of the file's own type), sparse matrices row by row from their non-zeros, so
// that the memory needed does not grow with the matrix.
class MatRows {
 public:
  static Result<MatRows> open(const MatFile& file, const MatVariable& variable);

  // Row i at the i-th call: numbers() or text() or pixels() of it, by the variable's kind.
  // kBadFormat (with variable and row) if the file is damaged there or has fewer rows than it says.
  Result<void> next();

  std::vector<float> numbers() const;  // columns() of them
  std::string text() const;            // cells and character rows; several texts of a row stand on a line each
  const std::vector<std::byte>& pixels() const { return row_; }  // column-major, as stored

 private:
  MatRows(MatVariable variable, IsolatedChild child) : variable_(std::move(variable)), child_(std::move(child)) {}

  MatVariable variable_;
  IsolatedChild child_;
  std::uint64_t done_ = 0;
  std::vector<std::byte> row_;
};

}  // namespace warifu
