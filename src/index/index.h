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

// The rows a query may see. Default-constructed: all. One bit for each row from the first to the
// last one, so rows are best numbered without wide gaps, as the catalog does.
class RowFilter {
 public:
  RowFilter() = default;
  explicit RowFilter(const std::vector<std::int64_t>& ascending_rows);  // none given: none allowed
  bool allows_all() const { return !restricted_; }
  bool allows(std::int64_t row) const {
    if (!restricted_) return true;
    const std::uint64_t place = static_cast<std::uint64_t>(row) - static_cast<std::uint64_t>(first_);
    return place / 64 < bits_.size() && ((bits_[place / 64] >> (place % 64)) & 1U) != 0;
  }

 private:
  bool restricted_ = false;
  std::int64_t first_ = 0;
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
  // space; kInvalidArgument if k is 0 or the query has another number of words than its space
  // asks for, or bits set beyond them.
  virtual Result<std::vector<Hit>> search(const CodeSpace& query_space, std::span<const std::uint64_t> query,
                                          std::size_t k, const RowFilter& filter) const = 0;

  // The stored code of a row, or an empty span.
  virtual std::span<const std::uint64_t> code_of(std::int64_t row) const = 0;
};

// The exact scan of every code: no build time, no memory beyond the codes, and the reference for
// all other kinds. Large segments are scanned by several threads, with the same hits.
// `segment` follows the rules of code_segment.h, as every one that was read does.
std::unique_ptr<Index> make_flat_index(CodeSegment segment);

}  // namespace warifu
