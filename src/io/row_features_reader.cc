#include "io/row_features_reader.h"

#include <optional>
#include <string>
#include <utility>

#include "io/feature_rows.h"
#include "io/record_parts.h"

namespace warifu {
namespace {

class RowFeaturesReader final : public RecordReader {
 public:
  RowFeaturesReader(std::unique_ptr<RecordReader> records, std::size_t count, std::optional<FeatureRows> image,
                    std::optional<FeatureRows> text)
      : records_(std::move(records)), count_(count), image_(std::move(image)), text_(std::move(text)) {}

  std::optional<RecordOrRejection> next() override {
    if (ended_) return std::nullopt;
    auto entry = records_->next();
    if (!entry) return std::nullopt;
    // A rejected record's rows are passed over, so that the next record meets its own.
    auto image = next_row(image_);
    if (!image) return stop(std::move(image.error()));
    auto text = next_row(text_);
    if (!text) return stop(std::move(text.error()));
    if (!*entry) return entry;
    Record& record = **entry;
    for (const auto& [rows, values] : {std::pair{&image_, &*image}, {&text_, &*text}}) {
      if (!*rows) continue;
      if (auto finite = check_finite(*values, (*rows)->name()); !finite)
        return std::unexpected(rejected(record.place, std::move(finite.error())));
    }
    if (image_) record.image_features = std::move(*image);
    if (text_) record.text_features = std::move(*text);
    return entry;
  }

  std::size_t size_hint() const override { return count_; }

 private:
  static Result<std::vector<float>> next_row(std::optional<FeatureRows>& rows) {
    if (!rows) return std::vector<float>{};
    return rows->next();
  }

  // The features cannot be read further: no later record can have its own.
  RecordOrRejection stop(Error error) {
    ended_ = true;
    return std::unexpected(rejected("features", std::move(error)));
  }

  std::unique_ptr<RecordReader> records_;
  std::size_t count_;
  std::optional<FeatureRows> image_;
  std::optional<FeatureRows> text_;
  bool ended_ = false;
};

Result<std::optional<FeatureRows>> open_rows(const std::filesystem::path& path, std::size_t records) {
  if (path.empty()) return std::nullopt;
  auto rows = FeatureRows::open(path);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (rows->rows() != records)
    return fail(ErrorCode::kBadFormat,
                path.string() + ": " + std::to_string(rows->rows()) + " rows of features, the source has " +
                    std::to_string(records) + " records",
                "one row for each record, in the order of the source");
  return std::optional(std::move(*rows));
}

}  // namespace

Result<std::unique_ptr<RecordReader>> with_row_features(
    const std::function<Result<std::unique_ptr<RecordReader>>()>& open, const SourceOptions& options) {
  auto counted = open();
  if (!counted) return counted;
  std::size_t count = 0;
  while ((*counted)->next()) ++count;
  auto image = open_rows(options.image_features, count);
  if (!image) return std::unexpected(std::move(image.error()));
  auto text = open_rows(options.text_features, count);
  if (!text) return std::unexpected(std::move(text.error()));
  auto records = open();
  if (!records) return records;
  return std::make_unique<RowFeaturesReader>(std::move(*records), count, std::move(*image), std::move(*text));
}

}  // namespace warifu
