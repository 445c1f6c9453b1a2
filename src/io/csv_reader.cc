#include "io/csv_reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/csv_scanner.h"
#include "io/record_parts.h"
#include "io/utf8.h"

namespace warifu {
namespace {

// Which column holds what.
struct Columns {
  std::vector<std::string> names;
  std::optional<std::size_t> id;
  std::optional<std::size_t> image;
  std::optional<std::size_t> text;
  std::optional<std::size_t> groups;

  std::optional<std::size_t> find(std::string_view name) const {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return std::nullopt;
    return static_cast<std::size_t>(found - names.begin());
  }

  Fail none_called(std::string_view name) const {
    std::string list;
    for (const std::string& known : names) list += (list.empty() ? "" : ", ") + known;
    return fail(ErrorCode::kNotFound, "no column is called '" + std::string(name) + "'", "columns: " + list);
  }
};

Result<Columns> name_columns(const std::vector<std::string>& header) {
  Columns columns;
  for (const std::string& cell : header) {
    std::string name(trimmed(cell));
    if (name.empty()) name = "column " + std::to_string(columns.names.size() + 1);  // pandas' index has no name
    if (columns.find(name))
      return fail(ErrorCode::kBadFormat, "two columns are called '" + name + "'", "rename one of them");
    columns.names.push_back(std::move(name));
  }
  return columns;
}

// The column `name`. One the user did not ask for by name may be absent, or be called `alias`.
Result<std::optional<std::size_t>> find_part(const Columns& columns, const std::string& name, const char* default_name,
                                             const char* alias) {
  if (const auto found = columns.find(name)) return found;
  if (name != default_name) return columns.none_called(name);
  return columns.find(alias);
}

Result<Columns> read_header(const CsvRow& row, const SourceOptions& options) {
  if (!row.problem.empty()) return fail(ErrorCode::kBadFormat, row.problem, row.hint);
  auto columns = name_columns(row.fields);
  if (!columns) return columns;
  const auto id = find_part(*columns, options.id_column, "id", "id");
  if (!id) return std::unexpected(id.error());
  const auto image = find_part(*columns, options.image_column, "image", "filepath");
  if (!image) return std::unexpected(image.error());
  const auto text = find_part(*columns, options.text_column, "text", "title");
  if (!text) return std::unexpected(text.error());
  columns->id = *id;
  columns->image = *image;
  columns->text = *text;
  if (!options.group_column.empty()) {
    columns->groups = columns->find(options.group_column);
    if (!columns->groups) return columns->none_called(options.group_column);
  }
  for (const std::string& label : options.label_columns)
    if (!columns->find(label)) return columns->none_called(label);
  const bool has_features = !options.image_features.empty() || !options.text_features.empty();
  if (!columns->image && !columns->text && !has_features) {
    auto missing = columns->none_called(options.image_column + "' or '" + options.text_column);
    missing.error().code = ErrorCode::kBadFormat;
    missing.error().hint = "the first line names the columns; " + missing.error().hint;
    return missing;
  }
  return columns;
}

class CsvReader final : public RecordReader {
 public:
  CsvReader(std::filesystem::path path, const SourceOptions& options, CsvScanner scanner, Columns columns)
      : path_(std::move(path)),
        options_(options),
        scanner_(std::move(scanner)),
        columns_(std::move(columns)),
        derived_(path_) {}

  std::optional<RecordOrRejection> next() override {
    if (ended_) return std::nullopt;
    CsvRow row;
    auto more = scanner_.next(row);
    ended_ = !more || !*more;
    if (!more) return std::unexpected(rejected(path_.filename().string(), std::move(more.error())));
    if (!*more) return std::nullopt;
    ++row_number_;
    auto record = to_record(row);
    if (!record) return std::unexpected(rejected(place_of(path_, row.line), std::move(record.error())));
    return std::move(*record);
  }

  std::size_t size_hint() const override { return total_by_share(row_number_, scanner_.share_done()); }

 private:
  Result<Record> to_record(const CsvRow& row) {
    if (!row.problem.empty()) return fail(ErrorCode::kBadFormat, row.problem, row.hint);
    if (row.fields.size() != columns_.names.size())
      return fail(ErrorCode::kBadFormat,
                  std::to_string(row.fields.size()) +
                      (row.fields.size() == 1 ? " field, the header has " : " fields, the header has ") +
                      std::to_string(columns_.names.size()),
                  row.fields.size() > columns_.names.size() ? "put quotes round fields that hold a comma"
                                                            : "write an empty field for what is not known");
    Record record;
    record.place = place_of(path_, row.line);
    const std::string_view image = columns_.image ? trimmed(row.fields[*columns_.image]) : std::string_view();
    record.id = columns_.id ? std::string(trimmed(row.fields[*columns_.id])) : derived_.next(image, row_number_);
    if (!image.empty()) {
      auto uri = picture_uri(image, path_.parent_path(), options_);
      if (!uri) return std::unexpected(std::move(uri.error()));
      record.image_uri = std::move(*uri);
    }
    if (columns_.text && !trimmed(row.fields[*columns_.text]).empty()) record.text = row.fields[*columns_.text];
    if (columns_.groups) add_groups(record, row.fields[*columns_.groups]);
    add_columns(row, record);
    return record;
  }

  void add_columns(const CsvRow& row, Record& record) const {
    for (std::size_t i = 0; i < row.fields.size(); ++i) {
      const std::string& name = columns_.names[i];
      const bool is_label = is_label_column(options_, name);
      if (!is_label && (i == columns_.id || i == columns_.image || i == columns_.text || i == columns_.groups))
        continue;
      std::string_view cell = row.fields[i];
      if (is_label && !options_.label_separator.empty()) {
        for (auto at = cell.find(options_.label_separator); at != std::string_view::npos;
             at = cell.find(options_.label_separator)) {
          add_column_value(record, options_, name, cell.substr(0, at));
          cell.remove_prefix(at + options_.label_separator.size());
        }
      }
      add_column_value(record, options_, name, cell);
    }
  }

  std::filesystem::path path_;
  SourceOptions options_;
  CsvScanner scanner_;
  Columns columns_;
  DerivedIds derived_;
  std::size_t row_number_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<RecordReader>> open_csv(const std::filesystem::path& path, const SourceOptions& options) {
  auto name = path.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  auto scanner = CsvScanner::open(path, name.ends_with(".tsv") || name.ends_with(".TSV") ? '\t' : '\0');
  if (!scanner) return std::unexpected(scanner.error());
  CsvRow header;
  const auto more = scanner->next(header);
  if (!more) return with_context(path.string(), more.error());
  if (!*more)
    return fail(ErrorCode::kBadFormat, path.string() + ": is empty", "the first line names the columns: id,image,text");
  auto columns = read_header(header, options);
  if (!columns) return with_context(place_of(path, header.line), std::move(columns.error()));
  return std::make_unique<CsvReader>(path, options, std::move(*scanner), std::move(*columns));
}

}  // namespace warifu
