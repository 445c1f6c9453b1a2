#include "io/features_reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "io/feature_rows.h"
#include "io/record_parts.h"
#include "io/text_lines.h"
#include "io/utf8.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;
constexpr const char* kLabelColumn = "label";

// Fills in what `path` says.
SourceOptions completed(const std::filesystem::path& path, SourceOptions options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    if (options.ids.empty() && std::filesystem::exists(path / "ids.txt", ignored)) options.ids = path / "ids.txt";
    if (options.labels.empty() && std::filesystem::exists(path / "labels.txt", ignored))
      options.labels = path / "labels.txt";
  } else if (!path.empty() && options.image_features.empty()) {
    options.image_features = path;
  }
  return options;
}

// Success if the file has one line for each of `rows` items. Empty lines behind the last item are
// no lines; within the items they are.
Result<void> check_line_count(const std::filesystem::path& path, std::size_t rows, const std::string& array) {
  auto lines = TextLines::open(path, kMaxLineBytes);
  if (!lines) return std::unexpected(std::move(lines.error()));
  std::size_t all = 0;
  std::size_t filled = 0;  // up to the last line that is not empty
  TextLine line;
  for (;;) {
    const auto more = lines->next(line);
    if (!more) return with_context(path.string(), more.error());
    if (!*more) break;
    all = line.number;
    if (line.too_long || !trimmed(line.text).empty()) filled = line.number;
  }
  if (filled <= rows && rows <= all) return {};
  return fail(ErrorCode::kBadFormat,
              path.string() + ": " + std::to_string(filled > rows ? filled : all) + " lines, " + array + " has " +
                  std::to_string(rows) + " rows",
              "one line for each row, in the same order");
}

void add_labels(std::string_view line, std::vector<Label>& labels) {
  const char separator = line.contains('\t') ? '\t' : ',';
  while (!line.empty()) {
    const auto end = std::min(line.find(separator), line.size());
    if (const auto value = trimmed(line.substr(0, end)); !value.empty())
      labels.push_back({kLabelColumn, std::string(value)});
    line.remove_prefix(std::min(end + 1, line.size()));
  }
}

class FeaturesReader final : public RecordReader {
 public:
  FeaturesReader(std::optional<FeatureRows> image, std::optional<FeatureRows> text, std::optional<TextLines> ids,
                 std::optional<TextLines> labels)
      : image_(std::move(image)), text_(std::move(text)), ids_(std::move(ids)), labels_(std::move(labels)) {}

  std::optional<RecordOrRejection> next() override {
    if (ended_ || row_ == rows()) return std::nullopt;
    ++row_;
    Record record;
    record.place = array().name() + ":" + std::to_string(row_);
    if (auto read = read_row(record); !read) {
      ended_ = true;  // no later item can have its own row or line
      return std::unexpected(rejected(record.place, std::move(read.error())));
    }
    for (const auto& [rows, values] : {std::pair{&image_, &record.image_features}, {&text_, &record.text_features}}) {
      if (!*rows) continue;
      if (auto finite = check_finite(*values, (*rows)->name()); !finite)
        return std::unexpected(rejected(record.place, std::move(finite.error())));
    }
    return record;
  }

  std::size_t size_hint() const override { return rows(); }

 private:
  const FeatureRows& array() const { return image_ ? *image_ : *text_; }
  std::size_t rows() const { return array().rows(); }

  // Takes one row or line of everything, so that all stay in step.
  Result<void> read_row(Record& record) {
    for (auto& [rows, values] : {std::pair{&image_, &record.image_features}, {&text_, &record.text_features}}) {
      if (!*rows) continue;
      auto row = (*rows)->next();
      if (!row) return std::unexpected(std::move(row.error()));
      *values = std::move(*row);
    }
    const std::string& name = array().name();
    record.id = name.substr(0, name.find('.')) + ":" + std::to_string(row_);
    TextLine line;
    if (ids_) {
      if (auto more = ids_->next(line); !more) return std::unexpected(std::move(more.error()));
      record.id = trimmed(line.text);
    }
    if (labels_) {
      if (auto more = labels_->next(line); !more) return std::unexpected(std::move(more.error()));
      add_labels(line.text, record.labels);
    }
    return {};
  }

  std::optional<FeatureRows> image_;
  std::optional<FeatureRows> text_;
  std::optional<TextLines> ids_;
  std::optional<TextLines> labels_;
  std::size_t row_ = 0;
  bool ended_ = false;
};

Result<std::optional<FeatureRows>> open_rows(const std::filesystem::path& path) {
  if (path.empty()) return std::nullopt;
  auto rows = FeatureRows::open(path);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return std::optional(std::move(*rows));
}

Result<std::optional<TextLines>> open_lines(const std::filesystem::path& path, const FeatureRows& rows) {
  if (path.empty()) return std::nullopt;
  if (auto same = check_line_count(path, rows.rows(), rows.name()); !same) return std::unexpected(same.error());
  auto lines = TextLines::open(path, kMaxLineBytes);
  if (!lines) return std::unexpected(std::move(lines.error()));
  return std::optional(std::move(*lines));
}

}  // namespace

Result<std::unique_ptr<RecordReader>> open_features(const std::filesystem::path& path, const SourceOptions& given) {
  const SourceOptions options = completed(path, given);
  auto image = open_rows(options.image_features);
  if (!image) return std::unexpected(std::move(image.error()));
  auto text = open_rows(options.text_features);
  if (!text) return std::unexpected(std::move(text.error()));
  if (!*image && !*text)
    return fail(ErrorCode::kInvalidArgument, "format 'features' was given no features",
                "--image-features F.npy, --text-features F.npy, or both");
  if (*image && *text && (*image)->rows() != (*text)->rows())
    return fail(ErrorCode::kBadFormat,
                options.text_features.string() + ": " + std::to_string((*text)->rows()) + " rows, " + (*image)->name() +
                    " has " + std::to_string((*image)->rows()),
                "one row for each item in both");
  const FeatureRows& array = *image ? **image : **text;
  auto ids = open_lines(options.ids, array);
  if (!ids) return std::unexpected(std::move(ids.error()));
  auto labels = open_lines(options.labels, array);
  if (!labels) return std::unexpected(std::move(labels.error()));
  return std::make_unique<FeaturesReader>(std::move(*image), std::move(*text), std::move(*ids), std::move(*labels));
}

}  // namespace warifu
