#include "io/jsonl_reader.h"

#include <optional>
#include <string>
#include <utility>

#include "io/json_record.h"
#include "io/record_parts.h"
#include "io/text_lines.h"
#include "io/utf8.h"

namespace warifu {
namespace {

class JsonlReader final : public RecordReader {
 public:
  JsonlReader(std::filesystem::path path, const SourceOptions& options, TextLines lines)
      : path_(std::move(path)), options_(options), lines_(std::move(lines)), derived_(path_) {}

  std::optional<RecordOrRejection> next() override {
    TextLine line;
    while (!ended_) {
      auto more = lines_.next(line);
      ended_ = !more || !*more;
      if (!more) return std::unexpected(rejected(path_.filename().string(), std::move(more.error())));
      if (!*more || (!line.too_long && trimmed(line.text).empty())) continue;
      ++record_number_;
      auto record = to_record(line);
      if (!record) return std::unexpected(rejected(place_of(path_, line.number), std::move(record.error())));
      return std::move(*record);
    }
    return std::nullopt;
  }

  std::size_t size_hint() const override { return total_by_share(record_number_, lines_.share_done()); }

 private:
  Result<Record> to_record(const TextLine& line) {
    if (line.too_long) return fail(ErrorCode::kBadFormat, "a line of more than 16 MiB", "one object a line");
    auto item = parse_json_item(line.text, options_);
    if (!item) return std::unexpected(std::move(item.error()));
    Record record = std::move(item->columns);
    record.place = place_of(path_, line.number);
    const std::string image = item->image.value_or("");
    record.id = item->id ? std::move(*item->id) : derived_.next(image, record_number_);
    if (!image.empty()) {
      auto uri = picture_uri(image, path_.parent_path(), options_);
      if (!uri) return std::unexpected(std::move(uri.error()));
      record.image_uri = std::move(*uri);
    }
    if (item->text && !trimmed(*item->text).empty()) record.text = std::move(item->text);
    return record;
  }

  std::filesystem::path path_;
  SourceOptions options_;
  TextLines lines_;
  DerivedIds derived_;
  std::size_t record_number_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<RecordReader>> open_jsonl(const std::filesystem::path& path, const SourceOptions& options) {
  auto lines = TextLines::open(path, kMaxRecordBytes);
  if (!lines) return std::unexpected(lines.error());
  return std::make_unique<JsonlReader>(path, options, std::move(*lines));
}

}  // namespace warifu
