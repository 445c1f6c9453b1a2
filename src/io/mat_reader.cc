#include "io/mat_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/image_file.h"
#include "io/label_lines.h"
#include "io/mat_layout.h"
#include "io/mat_variable.h"
#include "io/record_parts.h"
#include "io/utf8.h"

namespace warifu {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLabelColumn = "label";
constexpr const char* kListAttribute = "list";

// Files of a data set with everything that is needed before the first row.
struct MatSet {
  std::vector<MatFile> files;
  MatLayout layout;
  std::vector<std::string> class_names;
  LabelLines label_lines;

  const MatFile& file_of(const MatVariable& variable) const {
    return *std::ranges::find(files, variable.file, &MatFile::name);
  }
};

// The rows of those parts that the set has.
struct Columns {
  std::optional<MatRows> names, pixels, image_features, labels, text_features, texts;
};

// MATLAB's [height, width, 3] stores rows fastest.
Result<std::vector<std::byte>> png_of(const std::vector<std::byte>& pixels, const MatVariable& variable) {
  const std::size_t height = variable.dims[0], width = variable.dims[1];
  Image image{static_cast<int>(width), static_cast<int>(height), std::vector<std::uint8_t>(width * height * 3)};
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t x = 0; x < width; ++x)
      for (std::size_t y = 0; y < height; ++y)
        image.rgb[(y * width + x) * 3 + c] = static_cast<std::uint8_t>(pixels[(c * width + x) * height + y]);
  return encode_png(image);
}

std::string number_text(float number) {
  return number == std::round(number) ? fmt::format("{:.0f}", number) : fmt::format("{}", number);
}

class MatReader final : public RecordReader {
 public:
  MatReader(MatSet set, Columns columns, fs::path source, const SourceOptions& options)
      : set_(std::move(set)),
        columns_(std::move(columns)),
        source_(std::move(source)),
        options_(options),
        ids_(source_) {}

  std::optional<RecordOrRejection> next() override {
    if (done_ == set_.layout.items) return std::nullopt;
    auto record = read_row();
    if (record) return std::move(*record);
    if (!damaged_) return std::unexpected(rejected(place(), std::move(record.error())));
    done_ = set_.layout.items;  // the columns no longer stand at the same row
    return std::unexpected(rejected(source_name(), std::move(record.error())));
  }

  std::size_t size_hint() const override { return set_.layout.items; }

  bool labels_alone() const override {
    return columns_.labels && !columns_.names && !columns_.pixels && !columns_.image_features &&
           !columns_.text_features && !columns_.texts;
  }

 private:
  std::string source_name() const {
    return (source_.has_filename() ? source_ : source_.parent_path()).filename().string();  // also of "folder/"
  }
  std::string place() const { return source_name() + ": row " + std::to_string(done_); }

  // Moves every column to the next row.
  Result<void> advance() {
    for (auto* column : {&columns_.names, &columns_.pixels, &columns_.image_features, &columns_.labels,
                         &columns_.text_features, &columns_.texts})
      if (*column)
        if (auto moved = (*column)->next(); !moved) {
          damaged_ = true;
          return moved;
        }
    ++done_;
    return {};
  }

  Result<Record> read_row() {
    if (auto moved = advance(); !moved) return Fail(moved.error());
    Record record;
    record.place = place();
    if (columns_.image_features) record.image_features = columns_.image_features->numbers();
    if (columns_.text_features) record.text_features = columns_.text_features->numbers();
    if (columns_.texts)
      if (auto text = columns_.texts->text(); !trimmed(text).empty()) record.text = std::move(text);
    const std::string name = columns_.names ? columns_.names->text() : "";
    if (name.empty())
      record.id = fmt::format("{:0{}}", done_, std::to_string(set_.layout.items).size());
    else
      record.id = ids_.next(name, done_);
    add_labels(record, name);
    if (auto added = add_picture(record, name); !added) return Fail(added.error());
    return record;
  }

  void add_labels(Record& record, const std::string& name) const {
    if (columns_.labels) {
      const MatVariable& variable = *set_.layout.labels;
      if (variable.kind != MatKind::kNumbers) return add_label(record, columns_.labels->text());
      const auto row = columns_.labels->numbers();
      if (row.size() == 1) return add_label(record, number_text(row[0]));
      for (std::size_t c = 0; c < row.size(); ++c)
        if (row[c] != 0.0F) add_label(record, class_name(c));
    } else if (const auto* entry = set_.label_lines.find(name); entry != nullptr) {
      for (const std::uint16_t c : entry->classes) add_label(record, class_name(c));
      record.attributes.push_back({kListAttribute, entry->list});
    }
  }

  static void add_label(Record& record, std::string_view value) {
    value = trimmed(value);
    if (!value.empty()) record.labels.push_back({kLabelColumn, std::string(value)});
  }

  std::string class_name(std::size_t c) const {
    return c < set_.class_names.size() && !set_.class_names[c].empty() ? set_.class_names[c] : std::to_string(c);
  }

  Result<void> add_picture(Record& record, const std::string& name) const {
    if (columns_.pixels) {
      auto png = png_of(columns_.pixels->pixels(), *set_.layout.pixels);
      if (!png) return Fail(png.error());
      record.image_bytes = std::move(*png);
      record.image_uri = absolute(set_.file_of(*set_.layout.pixels).path) + "#" + set_.layout.pixels->name + ":" +
                         std::to_string(done_);
    } else if (!name.empty() && !options_.image_root.empty()) {
      std::string below(name);
      std::ranges::replace(below, '\\', '/');  // many lists were written on Windows
      if (below.starts_with('/') || below.substr(0, 3).contains(":/")) below = below.substr(below.rfind('/') + 1);
      auto uri = picture_uri(below, source_, options_);
      if (!uri) return Fail(uri.error());
      record.image_uri = std::move(*uri);
    }
    return {};
  }

  static std::string absolute(const fs::path& path) {
    std::error_code ignored;  // the current folder may be gone: the relative name is then as good as any
    return fs::absolute(path, ignored).lexically_normal().string();
  }

  MatSet set_;
  Columns columns_;
  fs::path source_;
  SourceOptions options_;
  DerivedIds ids_;
  std::uint64_t done_ = 0;  // rows given; the place counts from 1
  bool damaged_ = false;
};

Result<std::vector<fs::path>> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    files.push_back(at->path());
  if (error) return fail(ErrorCode::kIo, folder.string() + ": the folder cannot be read: " + error.message());
  std::ranges::sort(files);
  return files;
}

bool may_be_label_lines(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.ends_with(".txt") || name.ends_with(".txt.gz");
}

Result<MatSet> open_set(const fs::path& path) {
  MatSet set;
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  auto paths = is_folder ? files_in(path) : Result<std::vector<fs::path>>({path});
  if (!paths) return Fail(paths.error());
  std::vector<MatVariable> variables;
  for (const fs::path& one : *paths) {
    if (is_folder && !is_mat_name(one.filename().string())) continue;
    auto file = open_mat_file(one);
    if (!file) return Fail(file.error());
    auto inside = list_mat_variables(*file);
    if (!inside) return Fail(inside.error());
    std::ranges::move(*inside, std::back_inserter(variables));
    set.files.push_back(std::move(*file));
  }
  if (set.files.empty())
    return fail(ErrorCode::kBadFormat, path.string() + ": holds no .mat files", "name a .mat or a folder of them");
  auto layout = find_mat_layout(variables);
  if (!layout) return with_context(path.string(), std::move(layout.error()));
  set.layout = std::move(*layout);
  if (set.layout.labels || !set.layout.names || !is_folder) return set;
  for (const fs::path& one : *paths)
    if (may_be_label_lines(one))
      if (auto added = set.label_lines.add(one); !added) return Fail(added.error());
  return set;
}

Result<std::vector<std::string>> read_class_names(const MatSet& set) {
  std::vector<std::string> names;
  if (!set.layout.class_names) return names;
  const MatVariable& variable = *set.layout.class_names;
  auto rows = MatRows::open(set.file_of(variable), variable);
  if (!rows) return Fail(rows.error());
  for (std::uint64_t i = 0; i < variable.rows(); ++i) {
    if (auto moved = rows->next(); !moved) return Fail(moved.error());
    names.push_back(rows->text());
  }
  return names;
}

Result<Columns> open_columns(const MatSet& set) {
  Columns columns;
  const MatLayout& layout = set.layout;
  using Pair = std::pair<const std::optional<MatVariable>*, std::optional<MatRows>*>;
  for (const auto& [variable, rows] :
       {Pair{&layout.names, &columns.names}, Pair{&layout.pixels, &columns.pixels},
        Pair{&layout.image_features, &columns.image_features}, Pair{&layout.labels, &columns.labels},
        Pair{&layout.text_features, &columns.text_features}, Pair{&layout.texts, &columns.texts}}) {
    if (!*variable) continue;
    auto opened = MatRows::open(set.file_of(**variable), **variable);
    if (!opened) return Fail(opened.error());
    *rows = std::move(*opened);
  }
  return columns;
}

}  // namespace

bool is_mat_name(std::string_view file_name) {
  std::string lower(file_name);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return !lower.starts_with('.') && (lower.ends_with(".mat") || lower.ends_with(".mat.zip"));
}

Result<std::unique_ptr<RecordReader>> open_mat(const std::filesystem::path& path, const SourceOptions& options) {
  auto set = open_set(path);
  if (!set) return Fail(set.error());
  auto class_names = read_class_names(*set);
  if (!class_names) return Fail(class_names.error());
  set->class_names = std::move(*class_names);
  auto columns = open_columns(*set);
  if (!columns) return Fail(columns.error());
  return std::make_unique<MatReader>(std::move(*set), std::move(*columns), path, options);
}

}  // namespace warifu
