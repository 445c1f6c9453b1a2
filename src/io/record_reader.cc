#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <utility>

#include "io/byte_stream.h"
#include "io/checked_reader.h"
#include "io/csv_reader.h"
#include "io/features_reader.h"
#include "io/folder_reader.h"
#include "io/jsonl_reader.h"
#include "io/mat_reader.h"
#include "io/record.h"
#include "io/record_parts.h"
#include "io/row_features_reader.h"
#include "io/utf8.h"
#include "io/webdataset_reader.h"

namespace warifu {
namespace {

namespace fs = std::filesystem;

// What detection may look at.
struct Candidate {
  bool is_folder = false;
  std::string name;              // in lower case, without ".gz"
  std::string start;             // the first bytes, decompressed; empty for a folder
  bool holds_mat_files = false;  // a folder with a .mat file in it
  bool holds_tars = false;       // a folder with a tar archive in it
  bool holds_pictures = false;   // a folder with a picture in it: archives beside are no data set

  bool named(std::initializer_list<std::string_view> extensions) const {
    return !is_folder && std::ranges::any_of(extensions, [&](auto extension) { return name.ends_with(extension); });
  }
};

bool is_features(const Candidate& file) { return file.start.starts_with("\x93NUMPY"); }

// By its name, or the mark at byte 257.
bool is_webdataset(const Candidate& file) {
  if (file.is_folder) return file.holds_tars && !file.holds_pictures;
  return is_tar_name(file.name) || std::string_view(file.start).substr(0, 262).ends_with("ustar");
}

bool is_mat(const Candidate& file) {
  return file.is_folder ? file.holds_mat_files : is_mat_name(file.name) || file.start.starts_with("MATLAB ");
}

bool is_jsonl(const Candidate& file) {
  if (file.named({".jsonl", ".ndjson"})) return true;
  return !file.named({".csv", ".tsv"}) && trimmed(file.start).starts_with('{');
}

// By its name, or a first line of text with a separator in it.
bool is_csv(const Candidate& file) {
  if (file.named({".csv", ".tsv"})) return true;
  std::string_view line = std::string_view(file.start).substr(0, file.start.find('\n'));
  const auto separator = line.find_last_of(",\t;");
  if (separator == std::string_view::npos) return false;
  line = line.substr(0, separator);  // a long line may have been cut within a character
  return !line.contains('\0') && is_valid_utf8(line);
}

bool is_folder(const Candidate& file) { return file.is_folder; }

struct Format {
  std::string_view name;
  bool (*detect)(const Candidate& candidate);  // the first row that says yes is the format
  Result<std::unique_ptr<RecordReader>> (*open)(const fs::path& path, const SourceOptions& options);
};

// To add a format: write foo_reader.{h,cc} and foo_reader_test.cc, then one line here.
constexpr std::array kFormats = {
    Format{"features", is_features, open_features},
    Format{"webdataset", is_webdataset, open_webdataset},
    Format{"mat", is_mat, open_mat},
    Format{"jsonl", is_jsonl, open_jsonl},
    Format{"csv", is_csv, open_csv},
    Format{"folder", is_folder, open_folder},
};

constexpr std::string_view kFeaturesFormat = "features";

std::string known_formats() {
  std::string list = "known formats: auto";
  for (const Format& format : kFormats) list += ", " + std::string(format.name);
  return list;
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

Result<Candidate> look_at(const fs::path& path) {
  Candidate candidate;
  candidate.name = lower_case(path.filename().string());
  if (candidate.name.ends_with(".gz")) candidate.name.resize(candidate.name.size() - 3);
  if (candidate.name.ends_with(".tgz")) candidate.name.replace(candidate.name.size() - 3, 3, "tar");
  std::error_code error;
  candidate.is_folder = fs::is_directory(path, error);
  if (candidate.is_folder) {
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
      const std::string name = at->path().filename().string();
      candidate.holds_mat_files |= is_mat_name(name);
      candidate.holds_tars |= is_tar_name(name);
      candidate.holds_pictures |= is_picture_name(name);
    }
    return candidate;
  }
  auto stream = ByteStream::open(path);
  if (!stream) return std::unexpected(std::move(stream.error()));
  candidate.start.resize(4096);
  const auto got = stream->read(std::as_writable_bytes(std::span(candidate.start)));
  if (!got) return with_context(path.string(), got.error());
  candidate.start.resize(*got);
  if (candidate.start.starts_with(kUtf8Bom)) candidate.start.erase(0, kUtf8Bom.size());
  return candidate;
}

Result<Format> find_format(const fs::path& path, const SourceOptions& options) {
  std::string name = options.format;
  const bool has_features = !options.image_features.empty() || !options.text_features.empty();
  if (name == "auto" && path.empty() && has_features) name = kFeaturesFormat;
  if (name == "auto") {
    auto detected = detect_format(path);
    if (!detected) return std::unexpected(std::move(detected.error()));
    name = std::move(*detected);
  }
  const auto found = std::ranges::find(kFormats, name, &Format::name);
  if (found == kFormats.end())
    return fail(ErrorCode::kInvalidArgument, "no format is called '" + name + "'", known_formats());
  return *found;
}

Fail no_such_path(const fs::path& path) {
  if (path.empty()) return fail(ErrorCode::kNotFound, "no file or folder was named", "name the source to read");
  return fail(ErrorCode::kNotFound, path.string() + ": no such file or folder", "check the path");
}

}  // namespace

std::vector<std::string_view> reader_formats() {
  std::vector<std::string_view> names;
  for (const Format& format : kFormats) names.push_back(format.name);
  return names;
}

Result<std::string> detect_format(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return no_such_path(path);
  const auto candidate = look_at(path);
  if (!candidate) return std::unexpected(candidate.error());
  const auto found = std::ranges::find_if(kFormats, [&](const Format& format) { return format.detect(*candidate); });
  if (found != kFormats.end()) return std::string(found->name);
  return fail(ErrorCode::kInvalidArgument, path.string() + ": neither the name nor the first bytes tell its format",
              "say which with --format; " + known_formats());
}

Result<std::unique_ptr<RecordReader>> open_records(const fs::path& path, const SourceOptions& options) {
  const auto format = find_format(path, options);
  if (!format) return std::unexpected(format.error());
  std::error_code error;
  const bool takes_no_path = format->name == kFeaturesFormat && path.empty();
  if (!takes_no_path && !fs::exists(path, error)) return no_such_path(path);

  const auto open = [&] { return format->open(path, options); };
  const bool has_row_features =
      format->name != kFeaturesFormat && (!options.image_features.empty() || !options.text_features.empty());
  auto records = has_row_features ? with_row_features(open, options) : open();
  if (!records) return records;
  return make_checked_reader(std::move(*records), options, path.filename().string());
}

}  // namespace warifu
