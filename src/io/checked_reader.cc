#include "io/checked_reader.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>

#include "io/record_checks.h"
#include "io/record_parts.h"
#include "io/utf8.h"

namespace warifu {
namespace {

constexpr const char* kUtf8Hint = "save the text as UTF-8";

Fail refused(std::string reason, std::string hint) {
  return fail(ErrorCode::kBadFormat, std::move(reason), std::move(hint));
}

bool is_text(std::string_view text) { return is_valid_utf8(text) && !text.contains('\0'); }

Result<void> check_text(const Record& record) {
  if (record.text && !is_text(*record.text)) return refused("the text is not UTF-8, or holds a NUL", kUtf8Hint);
  if (!is_text(record.image_uri)) return refused("the picture's name is not UTF-8", "rename the file");
  for (const auto* list : {&record.labels, &record.attributes})
    for (const auto& [column, value] : *list)
      if (!is_text(column) || !is_text(value))
        return refused("a label or attribute is not UTF-8, or holds a NUL", kUtf8Hint);
  if (record.groups && !std::ranges::all_of(*record.groups, is_text))
    return refused("the name of a group is not UTF-8, or holds a NUL", kUtf8Hint);
  return {};
}

// For messages, which are shown and stored as UTF-8.
void make_printable(std::string& text) {
  if (is_text(text)) return;
  for (char& c : text)
    if (c == '\0' || static_cast<unsigned char>(c) >= 0x80) c = '?';
}

class CheckedReader final : public RecordReader {
 public:
  CheckedReader(std::unique_ptr<RecordReader> records, const SourceOptions& options, std::string source_name)
      : records_(std::move(records)),
        group_column_(options.group_column),
        unseen_columns_(options.label_columns.begin(), options.label_columns.end()),
        source_name_(std::move(source_name)) {}

  std::optional<RecordOrRejection> next() override {
    auto entry = records_->next();
    if (!entry) return last_word();
    if (*entry) {
      any_ = true;
      if (auto checked = check(**entry); !checked)
        entry = std::unexpected(rejected((*entry)->place, std::move(checked.error())));
    }
    if (*entry) return entry;
    Rejection& rejection = entry->error();
    for (std::string* text : {&rejection.place, &rejection.reason, &rejection.hint}) make_printable(*text);
    return entry;
  }

  std::size_t size_hint() const override { return records_->size_hint(); }
  bool labels_alone() const override { return records_->labels_alone(); }

 private:
  Result<void> check(const Record& record) {
    if (auto id = check_item_id(record.id); !id) return id;
    if (auto text = check_text(record); !text) return text;
    if (!labels_alone() && record.image_uri.empty() && record.image_bytes.empty() && !record.text &&
        record.image_features.empty() && record.text_features.empty())
      return refused("neither a picture nor a text", "an item needs one of them");
    if (!group_column_.empty() && !record.groups)
      return refused("no group in '" + group_column_ + "'",
                     "name the groups that may see the item, as in a|b, or * for everybody");
    for (const Label& label : record.labels) unseen_columns_.erase(label.column);
    if (!ids_.insert(std::hash<std::string>{}(record.id)).second)
      return refused("the id '" + record.id + "' was used before in this source; the first one counts",
                     "give every record an id of its own");
    return {};
  }

  // Mistyped columns that only the whole source can show.
  std::optional<RecordOrRejection> last_word() {
    if (!any_ || unseen_columns_.empty()) return std::nullopt;
    std::string columns;
    for (const std::string& column : unseen_columns_) columns += (columns.empty() ? "'" : ", '") + column + "'";
    unseen_columns_.clear();
    return std::unexpected(Rejection{source_name_, "no record has a value in label column " + columns,
                                     "check the spelling of the label columns"});
  }

  std::unique_ptr<RecordReader> records_;
  std::string group_column_;
  std::set<std::string> unseen_columns_;
  std::string source_name_;
  std::unordered_set<std::uint64_t> ids_;  // hashes: two of a million ids clash with 1 in 10^7
  bool any_ = false;
};

}  // namespace

std::unique_ptr<RecordReader> make_checked_reader(std::unique_ptr<RecordReader> records, const SourceOptions& options,
                                                  std::string source_name) {
  return std::make_unique<CheckedReader>(std::move(records), options, std::move(source_name));
}

Result<void> check_item_id(std::string_view id) {
  if (id.empty()) return refused("the id is empty", "give every record an id of its own");
  if (id.size() > kMaxIdBytes)
    return refused("an id of " + std::to_string(id.size()) + " bytes, the limit is " + std::to_string(kMaxIdBytes),
                   "shorten it");
  if (!is_valid_utf8(id)) return refused("the id (or the file's name) is not UTF-8", kUtf8Hint);
  if (std::ranges::any_of(id, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    return refused("the id holds a control character", "ids stand on one line each in split and result files");
  return {};
}

}  // namespace warifu
