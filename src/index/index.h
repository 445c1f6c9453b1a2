#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "index/code_segment.h"

namespace warifu {

struct Hit {
  std::int64_t row = 0;
  std::uint32_t distance = 0;  // Hamming, 0 … bits
  auto operator<=>(const Hit&) const = default;
};

// The rows a query may see. Nothing: all.
class RowFilter {
 public:
  RowFilter() = default;
  explicit RowFilter(std::vector<std::int64_t> ascending_rows);
  bool allows_all() const { return !restricted_; }
  bool allows(std::int64_t row) const;

 private:
  bool restricted_ = false;
  std::vector<std::uint64_t> bits_;
};

// Finds the nearest codes to a query. Every implementation returns the same hits as the flat scan,
// or documents by how much it may differ.
//
// Thread safety: search() may run concurrently with itself.
class Index {
 public:
  virtual ~Index() = default;
  virtual const CodeSpace& space() const = 0;
  virtual Modality modality() const = 0;
  virtual std::size_t size() const = 0;

  // At most k hits that `filter` allows, in ascending (distance, row), so that a result is a
  // function of the data and not of insertion order. kIncompatible if the query is of another
  // space; kInvalidArgument if k is 0.
  virtual Result<std::vector<Hit>> search(const CodeSpace& query_space, std::span<const std::uint64_t> query,
                                          std::size_t k, const RowFilter& filter) const = 0;

  // The stored code of a row, or an empty span.
  virtual std::span<const std::uint64_t> code_of(std::int64_t row) const = 0;
};

std::unique_ptr<Index> make_flat_index(CodeSegment segment);

}  // namespace warifu
