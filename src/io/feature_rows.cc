#include "io/feature_rows.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace warifu {
namespace {

constexpr std::size_t kBlockFloats = std::size_t{1} << 20;

}  // namespace

Result<FeatureRows> FeatureRows::open(const std::filesystem::path& path) {
  auto reader = open_npy(path);
  if (!reader) return std::unexpected(std::move(reader.error()));
  FeatureRows rows(std::move(*reader));
  rows.name_ = path.filename().string();
  return rows;
}

FeatureRows::FeatureRows(std::unique_ptr<NpyRowReader> reader)
    : reader_(std::move(reader)),
      block_(std::clamp<std::size_t>(kBlockFloats / reader_->cols(), 1, std::max<std::size_t>(1, reader_->rows())),
             reader_->cols()) {}

Result<std::vector<float>> FeatureRows::next() {
  if (next_ == in_block_) {
    const auto got = reader_->read(block_);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return fail(ErrorCode::kBadFormat, name_ + ": has no more rows");
    in_block_ = *got;
    next_ = 0;
  }
  const auto row = std::as_const(block_).row(next_++);
  return std::vector<float>(row.begin(), row.end());
}

Result<void> check_finite(const std::vector<float>& row, const std::string& name) {
  const auto bad = std::ranges::find_if(row, [](float value) { return !std::isfinite(value); });
  if (bad == row.end()) return {};
  return fail(
      ErrorCode::kBadFormat,
      name + ": feature " + std::to_string(bad - row.begin()) + " is " + (std::isnan(*bad) ? "NaN" : "infinite"),
      "compute the features of this item again");
}

}  // namespace warifu
