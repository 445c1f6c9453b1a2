#include "io/mat_extract.h"

#include <fmt/format.h>
#include <matio.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "io/mat_check.h"
#include "io/mat_element.h"
#include "io/mat_text.h"
#include "io/mat_variable.h"

namespace warifu {
namespace {

struct CloseMat {
  void operator()(mat_t* file) const { Mat_Close(file); }
};
struct FreeVariable {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using MatPtr = std::unique_ptr<mat_t, CloseMat>;
using VariablePtr = std::unique_ptr<matvar_t, FreeVariable>;

void ignore_log(int level, char*) {
  if (level == MATIO_LOG_LEVEL_ERROR) ::_exit(1);  // libmatio would call exit() next
}

MatPtr open(int file, MessageSink& sink) {
  Mat_LogInitFunc("", ignore_log);
  MatPtr opened(Mat_Open(fmt::format("/proc/self/fd/{}", file).c_str(), MAT_ACC_RDONLY));
  if (!opened) sink.send_failure("libmatio cannot read it: a kind of MATLAB file it does not know, or damaged");
  return opened;
}

MatKind kind_of(const matvar_t& variable) {
  if (variable.isComplex) return MatKind::kOther;
  switch (variable.class_type) {
    case MAT_C_CELL:
      return MatKind::kCells;
    case MAT_C_CHAR:
      return MatKind::kCharacters;
    case MAT_C_SPARSE:
    case MAT_C_DOUBLE:
    case MAT_C_SINGLE:
    case MAT_C_INT8:
    case MAT_C_UINT8:
    case MAT_C_INT16:
    case MAT_C_UINT16:
    case MAT_C_INT32:
    case MAT_C_UINT32:
    case MAT_C_INT64:
    case MAT_C_UINT64:
      return MatKind::kNumbers;
    case MAT_C_EMPTY:
    case MAT_C_STRUCT:
    case MAT_C_OBJECT:
    case MAT_C_FUNCTION:
    case MAT_C_OPAQUE:
      return MatKind::kOther;
  }
  return MatKind::kOther;
}

// What mat_variable.cc says of it, so that both sides count rows alike.
MatVariable described(const matvar_t& variable) {
  MatVariable known;
  known.name = variable.name == nullptr ? "" : variable.name;
  known.kind = kind_of(variable);
  known.is_small_integer = variable.class_type == MAT_C_INT8 || variable.class_type == MAT_C_UINT8;
  for (int i = 0; i < variable.rank; ++i) known.dims.push_back(variable.dims[i]);
  return known;
}

void send_floats(std::span<const float> row, MessageSink& sink) { sink.send(std::as_bytes(row)); }

// Reads `count` of the last-but-one dimension's rows at a time. In MATLAB's order the elements of one
// row lie a column apart; they are gathered for a handful of rows at once, for the cache's sake.
void send_dense(mat_t* file, matvar_t* variable, const MatVariable& known, std::size_t block_bytes, MessageSink& sink) {
  const MatElement at = element_of(variable->class_type);
  const std::size_t width = Mat_SizeOfClass(variable->class_type);
  const bool lying = known.dims[0] == 1 && known.dims[1] > 1;  // a vector that lies: its elements are rows
  const std::size_t rows = known.rows(), columns = known.columns();
  if (at == nullptr || columns == 0 || columns > block_bytes / width) sink.send_failure("rows too long to read");
  const std::size_t rows_at_once = std::max<std::size_t>(1, block_bytes / width / columns);
  std::vector<std::byte> block(std::min(rows, rows_at_once) * columns * width);
  constexpr std::size_t kGathered = 16;
  std::vector<float> gathered(kGathered * columns);
  for (std::size_t first = 0; first < rows; first += rows_at_once) {
    const std::size_t count = std::min(rows_at_once, rows - first);
    int start[2] = {static_cast<int>(first), 0}, stride[2] = {1, 1};
    int edge[2] = {static_cast<int>(count), static_cast<int>(columns)};
    if (lying) std::swap(start[0], start[1]), std::swap(edge[0], edge[1]);
    if (Mat_VarReadData(file, variable, block.data(), start, stride, edge) != 0)
      sink.send_failure("the numbers are damaged or end early");
    for (std::size_t i = 0; i < count; i += kGathered) {
      const std::size_t some = std::min(kGathered, count - i);
      for (std::size_t c = 0; c < columns; ++c)
        for (std::size_t r = 0; r < some; ++r) gathered[r * columns + c] = at(block.data(), c * count + i + r);
      for (std::size_t r = 0; r < some; ++r) send_floats(std::span(gathered).subspan(r * columns, columns), sink);
    }
  }
}

// The non-zeros, stored by column, sorted by row.
void send_sparse(mat_t* file, matvar_t* variable, const MatVariable& known, MessageSink& sink) {
  if (Mat_VarReadDataAll(file, variable) != 0 || variable->data == nullptr)
    sink.send_failure("the sparse matrix is damaged or ends early");
  const auto& sparse = *static_cast<const mat_sparse_t*>(variable->data);
  const std::size_t rows = known.dims[0], columns = known.dims[1];
  if (rows == 1) sink.send_failure("a sparse vector; save it as a full one");
  const MatElement at = element_of(variable->data_type);
  if (at == nullptr || sparse.njc != columns + 1 || columns > (std::size_t{1} << 26))
    sink.send_failure("the sparse matrix is damaged");
  const std::size_t count = sparse.jc[columns];
  if (count > sparse.nir || count > sparse.ndata) sink.send_failure("the sparse matrix is damaged");
  std::vector<std::size_t> begins(rows + 2);  // counting sort; begins[r + 1] becomes where row r starts
  for (std::size_t i = 0; i < count; ++i) {
    if (sparse.ir[i] >= rows) sink.send_failure("the sparse matrix is damaged");
    ++begins[sparse.ir[i] + 2];
  }
  for (std::size_t r = 2; r < begins.size(); ++r) begins[r] += begins[r - 1];
  std::vector<std::pair<std::uint32_t, float>> entries(count);
  for (std::size_t c = 0; c < columns; ++c) {
    if (sparse.jc[c] > sparse.jc[c + 1] || sparse.jc[c + 1] > count) sink.send_failure("the sparse matrix is damaged");
    for (std::size_t i = sparse.jc[c]; i < sparse.jc[c + 1]; ++i)
      entries[begins[sparse.ir[i] + 1]++] = {static_cast<std::uint32_t>(c), at(sparse.data, i)};
  }
  std::vector<float> row(columns);
  for (std::size_t r = 0, next = 0; r < rows; ++r) {
    std::fill(row.begin(), row.end(), 0.0F);
    for (; next < begins[r + 1]; ++next) row[entries[next].first] = entries[next].second;
    send_floats(row, sink);
  }
}

// A block of whole pictures at a time: a compressed variable is unpacked from its start for each read.
void send_pixels(mat_t* file, matvar_t* variable, const MatVariable& known, std::size_t block_bytes,
                 MessageSink& sink) {
  const std::size_t size = known.columns(), pictures = known.rows();
  const std::size_t at_once = std::max<std::size_t>(1, block_bytes / size);
  std::vector<std::byte> block(std::min(at_once, pictures) * size);
  for (std::size_t first = 0; first < pictures; first += at_once) {
    const std::size_t count = std::min(at_once, pictures - first);
    int status = -1;
    if (Mat_GetVersion(file) == MAT_FT_MAT73) {
      int start[4] = {0, 0, 0, static_cast<int>(first)}, stride[4] = {1, 1, 1, 1};
      int edge[4] = {static_cast<int>(known.dims[0]), static_cast<int>(known.dims[1]), 3, static_cast<int>(count)};
      status = Mat_VarReadData(file, variable, block.data(), start, stride, edge);
    } else if ((first + count) * size <=
               INT_MAX) {  // these versions end at 2 GiB; their slabs of 4 dimensions are wrong
      status = Mat_VarReadDataLinear(file, variable, block.data(), static_cast<int>(first * size), 1,
                                     static_cast<int>(count * size));
    }
    if (status != 0) sink.send_failure("the pixels are damaged or end early");
    for (std::size_t i = 0; i < count; ++i) sink.send(std::span(block).subspan(i * size, size));
  }
}

void send_texts(mat_t* file, matvar_t* variable, const MatVariable& known, MessageSink& sink) {
  if (Mat_VarReadDataAll(file, variable) != 0) sink.send_failure("the text is damaged or ends early");
  const std::size_t rows = known.rows();
  for (std::size_t r = 0; r < rows; ++r) {
    const std::string text = mat_row_text(*variable, r, rows);
    sink.send(std::as_bytes(std::span(text)));
  }
}

}  // namespace

void send_mat_variables(int file, MessageSink& sink) {
  if (auto whole = check_mat_whole(file); !whole) sink.send_failure(whole.error().message);
  const MatPtr opened = open(file, sink);
  while (VariablePtr variable{Mat_VarReadNextInfo(opened.get())}) {
    const MatVariable known = described(*variable);
    std::vector<std::uint64_t> numbers = {static_cast<std::uint64_t>(known.kind), known.is_small_integer ? 1U : 0U,
                                          known.dims.size()};
    numbers.insert(numbers.end(), known.dims.begin(), known.dims.end());
    const auto head = std::as_bytes(std::span(numbers)), name = std::as_bytes(std::span(known.name));
    std::vector<std::byte> message(head.begin(), head.end());
    message.insert(message.end(), name.begin(), name.end());
    sink.send(message);
  }
}

void send_mat_rows(int file, const std::string& name, std::size_t block_bytes, MessageSink& sink) {
  const MatPtr opened = open(file, sink);
  const VariablePtr variable(Mat_VarReadInfo(opened.get(), name.c_str()));
  if (!variable) sink.send_failure("the variable is gone");
  const MatVariable known = described(*variable);
  if (std::ranges::any_of(known.dims, [](std::uint64_t length) { return length > INT_MAX; }))
    sink.send_failure("more rows or columns than can be counted");
  if (known.kind == MatKind::kCharacters || known.kind == MatKind::kCells)
    send_texts(opened.get(), variable.get(), known, sink);
  else if (variable->class_type == MAT_C_SPARSE)
    send_sparse(opened.get(), variable.get(), known, sink);
  else if (known.is_pixels())
    send_pixels(opened.get(), variable.get(), known, block_bytes, sink);
  else
    send_dense(opened.get(), variable.get(), known, block_bytes, sink);
}

}  // namespace warifu
