#include "io/folder_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/file.h"
#include "io/json_record.h"
#include "io/record_parts.h"
#include "io/utf8.h"

namespace warifu {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolderColumn = "folder";

enum class Kind { kPicture, kText, kJson, kOther };

Kind kind_of(const fs::path& file) {
  std::string extension = file.extension().string();
  std::ranges::transform(extension, extension.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  if (is_picture_name(file.filename().string())) return Kind::kPicture;
  if (extension == ".txt") return Kind::kText;
  if (extension == ".json") return Kind::kJson;
  return Kind::kOther;
}

bool is_skipped(const std::string& name) {
  return name.starts_with('.') || name == "node_modules" || name == "__pycache__";
}

// What lies in one folder under one stem: pictures share their sidecars.
struct Sidecars {
  fs::path text;
  fs::path json;
  bool has_picture = false;
};

// One step of the walk: a folder to open, or an item to read.
struct Step {
  fs::path path;
  bool is_folder = false;
  Sidecars sidecars;
  double share = 0;  // of the whole walk: a folder's is divided among what lies in it
};

Result<std::optional<std::string>> read_text(const fs::path& file) {
  if (file.empty()) return std::nullopt;
  auto text = read_text_file(file, kMaxRecordBytes);
  if (!text) return std::unexpected(std::move(text.error()));
  if (text->starts_with(kUtf8Bom)) text->erase(0, kUtf8Bom.size());
  const auto content = trimmed(*text);
  if (content.empty()) return std::nullopt;
  return std::string(content);
}

class FolderReader final : public RecordReader {
 public:
  FolderReader(fs::path root, const SourceOptions& options) : root_(std::move(root)), options_(options) {
    steps_.push_back({root_, true, {}, 1});
  }

  std::optional<RecordOrRejection> next() override {
    while (!steps_.empty()) {
      const Step step = std::move(steps_.front());
      steps_.pop_front();
      const std::string name = name_of(step.path);
      if (step.is_folder) {
        if (auto opened = open_folder_step(step); !opened)
          return std::unexpected(rejected(name, std::move(opened.error())));
        continue;
      }
      share_done_ += step.share;
      ++items_;
      auto record = read_item(step, name);
      if (!record) return std::unexpected(rejected(name, std::move(record.error())));
      if (*record) return std::move(**record);
    }
    return std::nullopt;
  }

  std::size_t size_hint() const override { return total_by_share(items_, share_done_); }

 private:
  // The path below the root: the place, and the id.
  std::string name_of(const fs::path& path) const {
    const auto name = path.lexically_relative(root_).generic_string();
    return name == "." ? root_.string() : name;
  }

  // Puts what lies in the folder before the steps that are left.
  Result<void> open_folder_step(const Step& step) {
    const fs::path& folder = step.path;
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0)
      return fail(ErrorCode::kIo, std::string("the folder cannot be read: ") + std::strerror(errno));
    if (!visited_.insert({status.st_dev, status.st_ino}).second) {
      share_done_ += step.share;
      return {};
    }
    std::set<fs::path> files;
    std::vector<Step> inside;
    std::error_code error;
    if (fs::exists(folder / "catalog.db", error)) {  // a workspace: its copies of pictures are items already
      share_done_ += step.share;
      return {};
    }
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      if (is_skipped(at->path().filename().string())) continue;
      std::error_code gone;
      if (at->is_directory(gone))
        inside.push_back({at->path(), true, {}, 0});
      else
        files.insert(at->path());
    }
    if (error) return fail(ErrorCode::kIo, "the folder cannot be read: " + error.message());
    add_items(files, inside);
    std::ranges::sort(inside, {}, [](const Step& one) { return one.path.native(); });
    for (Step& one : inside) one.share = step.share / static_cast<double>(inside.size());
    if (inside.empty()) share_done_ += step.share;
    steps_.insert(steps_.begin(), std::make_move_iterator(inside.begin()), std::make_move_iterator(inside.end()));
    return {};
  }

  static void add_items(const std::set<fs::path>& files, std::vector<Step>& steps) {
    std::map<std::string, Sidecars> by_stem;
    for (const fs::path& file : files) {
      Sidecars& sidecars = by_stem[file.stem().string()];
      const Kind kind = kind_of(file);
      if (kind == Kind::kText) sidecars.text = file;
      if (kind == Kind::kJson) sidecars.json = file;
      if (kind == Kind::kPicture) sidecars.has_picture = true;
    }
    for (const fs::path& file : files) {
      const Sidecars& sidecars = by_stem[file.stem().string()];
      const Kind kind = kind_of(file);
      const bool alone =
          !sidecars.has_picture && (kind == Kind::kText || (kind == Kind::kJson && sidecars.text.empty()));
      if (kind == Kind::kPicture || alone) steps.push_back({file, false, sidecars, 0});
    }
  }

  // Nothing for a .json that is no item.
  Result<std::optional<Record>> read_item(const Step& step, const std::string& name) const {
    std::error_code gone;
    if (!fs::is_regular_file(step.path, gone))
      return fail(ErrorCode::kNotFound, gone ? "a link to nothing" : "is not a regular file");
    JsonItem item;
    if (!step.sidecars.json.empty()) {
      auto parsed = read_json(step.sidecars.json);
      if (!parsed && kind_of(step.path) == Kind::kJson) return std::nullopt;  // some other program's file
      if (!parsed) return with_context(step.sidecars.json.filename().string(), std::move(parsed.error()));
      item = std::move(*parsed);
    }
    auto text = read_text(step.sidecars.text);
    if (!text) return std::unexpected(std::move(text.error()));
    Record record = std::move(item.columns);
    record.place = name;
    record.id = item.id.value_or(name);
    record.text = *text ? std::move(*text) : std::move(item.text);
    if (kind_of(step.path) == Kind::kPicture) {
      record.image_uri = fs::absolute(step.path, gone).lexically_normal().string();
    } else if (!record.text) {
      return std::nullopt;  // an empty text file, or a .json without text
    }
    if (const auto slash = name.find('/'); slash != std::string::npos)
      add_column_value(record, options_, kFolderColumn, std::string_view(name).substr(0, slash));
    return record;
  }

  Result<JsonItem> read_json(const fs::path& file) const {
    const auto text = read_text_file(file, kMaxRecordBytes);
    if (!text) return std::unexpected(text.error());
    std::string_view json = *text;
    if (json.starts_with(kUtf8Bom)) json.remove_prefix(kUtf8Bom.size());
    return parse_json_item(json, options_);
  }

  fs::path root_;
  SourceOptions options_;
  std::deque<Step> steps_;
  double share_done_ = 0;
  std::size_t items_ = 0;
  std::set<std::pair<dev_t, ino_t>> visited_;
};

}  // namespace

Result<std::unique_ptr<RecordReader>> open_folder(const fs::path& path, const SourceOptions& options) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return fail(ErrorCode::kInvalidArgument, path.string() + ": is not a folder");
  return std::make_unique<FolderReader>(path, options);
}

}  // namespace warifu
