#include "io/webdataset_reader.h"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "io/archive_stream.h"
#include "io/json_record.h"
#include "io/record_parts.h"
#include "io/utf8.h"

namespace warifu {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPictureBytes = std::size_t{256} << 20;

constexpr std::array<std::string_view, 8> kTarExtensions = {".tar",      ".tar.gz", ".tgz",    ".tar.zst",
                                                            ".tar.zstd", ".tzst",   ".tar.xz", ".txz"};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return lower;
}

// "a/b/0001.seg.PNG" is key "a/b/0001" and extension "seg.png". Nothing for names that are no part of an item.
struct MemberName {
  std::string key;
  std::string extension;
};

std::optional<MemberName> split_name(std::string_view name) {
  const std::size_t file = name.find_last_of('/') + 1;  // npos + 1 is 0
  const std::size_t dot = name.find('.', file);
  if (dot == name.npos || dot == file) return std::nullopt;
  const std::string_view stem = name.substr(file, dot - file);
  if (stem.starts_with("__") && stem.ends_with("__")) return std::nullopt;
  return MemberName{std::string(name.substr(0, dot)), lower_case(name.substr(dot + 1))};
}

enum class Part { kPicture, kPictureOfSorts, kText, kJson, kClass, kOther };

Part part_of(const std::string& extension) {
  if (is_picture_name("x." + extension))
    return extension.find('.') == extension.npos ? Part::kPicture : Part::kPictureOfSorts;
  if (extension == "txt") return Part::kText;
  if (extension == "json") return Part::kJson;
  if (extension == "cls") return Part::kClass;
  return Part::kOther;
}

// An item while its members come in.
struct Sample {
  std::string key;
  Record record;
  Part picture = Part::kOther;  // how good a picture it has so far
  std::optional<std::string> text;
  std::optional<std::string> class_name;
  std::optional<JsonItem> json;
  std::optional<Error> trouble;  // the first
};

Result<std::string> as_text(const std::vector<std::byte>& bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(kUtf8Bom)) text.remove_prefix(kUtf8Bom.size());
  if (!is_valid_utf8(text)) return fail(ErrorCode::kBadFormat, "is not UTF-8", "save the text as UTF-8");
  return std::string(trimmed(text));
}

Fail twice() { return fail(ErrorCode::kBadFormat, "a second one in the same item", "give items different names"); }

Result<void> take_picture(Sample& sample, Part part, const ArchiveMember& member, const fs::path& archive,
                          ArchiveStream& stream) {
  if (sample.picture == Part::kPicture || (sample.picture == part && part == Part::kPictureOfSorts))
    return part == Part::kPicture ? twice() : Result<void>();
  auto bytes = stream.read(kMaxPictureBytes);
  if (!bytes) return Fail(bytes.error());
  sample.picture = part;
  sample.record.image_bytes = std::move(*bytes);
  sample.record.image_uri = archive.string() + "#" + member.name;
  return {};
}

Result<void> take_text(Sample& sample, Part part, ArchiveStream& stream, const SourceOptions& options) {
  const auto bytes = stream.read(kMaxRecordBytes);
  if (!bytes) return Fail(bytes.error());
  auto text = as_text(*bytes);
  if (!text) return Fail(text.error());
  if (part == Part::kJson) {
    if (sample.json) return twice();
    auto json = parse_json_item(*text, options);
    if (!json) return Fail(json.error());
    sample.json = std::move(*json);
    return {};
  }
  auto& place = part == Part::kText ? sample.text : sample.class_name;
  if (place) return twice();
  place = std::move(*text);
  return {};
}

// "caption" is how image-text sets call the text.
std::optional<std::string> take_caption(std::vector<Label>& attributes) {
  const auto found = std::ranges::find(attributes, "caption", &Label::column);
  if (found == attributes.end()) return std::nullopt;
  std::string caption = std::move(found->value);
  attributes.erase(found);
  return caption;
}

Record finished(Sample sample) {
  Record record = std::move(sample.record);
  record.id = sample.key;
  if (sample.json) {
    JsonItem& json = *sample.json;
    record.labels = std::move(json.columns.labels);
    record.attributes = std::move(json.columns.attributes);
    record.groups = std::move(json.columns.groups);
    if (json.id && !json.id->empty()) record.id = std::move(*json.id);
    // A picture that lies elsewhere is not looked for: a tar comes from anywhere and names anything.
    if (json.image && !json.image->empty()) record.attributes.push_back({"image", std::move(*json.image)});
    if (!json.text) json.text = take_caption(record.attributes);
    record.text = std::move(json.text);
  }
  if (sample.text && !sample.text->empty()) record.text = std::move(sample.text);
  if (record.text && trimmed(*record.text).empty()) record.text.reset();
  if (sample.class_name && !sample.class_name->empty()) record.labels.push_back({"cls", std::move(*sample.class_name)});
  return record;
}

class WebdatasetReader final : public RecordReader {
 public:
  WebdatasetReader(std::deque<fs::path> archives, const SourceOptions& options)
      : archives_(std::move(archives)), archive_count_(archives_.size()), options_(options) {}

  // Opens the first archive and looks at its first member, so that a file of another kind is noticed.
  Result<void> start() {
    auto opened = open_next();
    if (opened) opened = look_ahead();
    if (opened) return {};
    if (archives_.empty()) return with_context(archive_.string(), opened.error());
    trouble_ = std::move(opened.error());  // one bad archive of many
    return {};
  }

  std::optional<RecordOrRejection> next() override {
    while (true) {
      if (pending_ && sample_ && sample_->key == pending_name_.key) {
        add_pending();
        advance();
      } else if (sample_) {
        return give_sample();
      } else if (trouble_) {
        return std::unexpected(rejected(archive_place(), *std::exchange(trouble_, std::nullopt)));
      } else if (pending_) {
        sample_.emplace().key = pending_name_.key;
      } else if (stream_ && stream_->can_go_on() && !ended_) {
        advance();
      } else if (!archives_.empty()) {
        if (auto opened = open_next(); !opened) trouble_ = std::move(opened.error());
      } else {
        return std::nullopt;
      }
    }
  }

  std::size_t size_hint() const override {
    const double within = stream_ ? stream_->share_read() : 0;
    const auto behind = static_cast<double>(archive_count_ - archives_.size() - 1);
    return total_by_share(given_, (behind + within) / static_cast<double>(archive_count_));
  }

 private:
  Result<void> open_next() {
    archive_ = std::move(archives_.front());
    archives_.pop_front();
    last_member_.clear();
    ended_ = false;
    stream_.reset();
    auto stream = ArchiveStream::open(archive_, ArchiveKind::kTar);
    if (!stream) return Fail(stream.error());
    stream_ = std::move(*stream);
    return {};
  }

  // Moves to the next member that may be part of an item.
  Result<void> look_ahead() {
    pending_.reset();
    while (true) {
      auto member = stream_->next();
      if (!member) return Fail(member.error());
      if (!*member) {
        ended_ = true;
        return {};
      }
      auto name = split_name((*member)->name);
      in_damage_ = false;
      if (!name) continue;
      pending_ = std::move(**member);
      pending_name_ = std::move(*name);
      return {};
    }
  }

  // Damage is told once, however many blocks of it there are before the next good member.
  void advance() {
    auto looked = look_ahead();
    if (looked || std::exchange(in_damage_, true)) return;
    trouble_ = std::move(looked.error());
  }

  void add_pending() {
    const ArchiveMember& member = *pending_;
    last_member_ = member.name;
    if (sample_->trouble) return;  // the item is lost; its other members are not read
    const Part part = part_of(pending_name_.extension);
    if (part == Part::kOther) return;
    Result<void> taken;
    if (member.is_link)
      taken = fail(ErrorCode::kBadFormat, "a hard link inside the archive, without content",
                   "pack it with 'tar --hard-dereference'");
    else if (part == Part::kPicture || part == Part::kPictureOfSorts)
      taken = take_picture(*sample_, part, member, absolute(archive_), *stream_);
    else
      taken = take_text(*sample_, part, *stream_, options_);
    if (!taken) sample_->trouble = with_context(member.name, std::move(taken.error())).error();
  }

  RecordOrRejection give_sample() {
    Sample sample = std::move(*sample_);
    sample_.reset();
    ++given_;
    const std::string place = archive_.filename().string() + ": " + sample.key;
    if (sample.trouble) return std::unexpected(rejected(place, std::move(*sample.trouble)));
    Record record = finished(std::move(sample));
    record.place = place;
    if (record.image_uri.empty() && !record.text)
      return std::unexpected(Rejection{place, "neither a picture nor a text among its members",
                                       "members are told by extension: jpg, png, webp …, txt, json, cls"});
    return record;
  }

  std::string archive_place() const {
    const std::string name = archive_.filename().string();
    return last_member_.empty() ? name : name + ": behind " + last_member_;
  }

  static fs::path absolute(const fs::path& path) {
    std::error_code ignored;  // the current folder may be gone: the relative name is then as good as any
    return fs::absolute(path, ignored).lexically_normal();
  }

  std::deque<fs::path> archives_;  // not yet opened
  std::size_t archive_count_;
  SourceOptions options_;
  fs::path archive_;
  std::optional<ArchiveStream> stream_;
  std::optional<ArchiveMember> pending_;  // its header is read, its content is not
  MemberName pending_name_;
  std::optional<Sample> sample_;
  std::optional<Error> trouble_;  // of the archive, not of an item
  std::string last_member_;
  std::size_t given_ = 0;
  bool in_damage_ = false;
  bool ended_ = false;
};

Result<std::deque<fs::path>> archives_of(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::deque<fs::path>{path};
  std::deque<fs::path> archives;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
    if (is_tar_name(at->path().filename().string())) archives.push_back(at->path());
  if (error) return fail(ErrorCode::kIo, path.string() + ": the folder cannot be read: " + error.message());
  if (archives.empty())
    return fail(ErrorCode::kBadFormat, path.string() + ": holds no .tar files", "name a .tar or a folder of them");
  std::ranges::sort(archives);
  return archives;
}

}  // namespace

bool is_tar_name(std::string_view file_name) {
  const std::string name = lower_case(file_name);
  return !name.starts_with('.') &&
         std::ranges::any_of(kTarExtensions, [&](std::string_view extension) { return name.ends_with(extension); });
}

Result<std::unique_ptr<RecordReader>> open_webdataset(const std::filesystem::path& path, const SourceOptions& options) {
  auto archives = archives_of(path);
  if (!archives) return Fail(archives.error());
  auto reader = std::make_unique<WebdatasetReader>(std::move(*archives), options);
  if (auto started = reader->start(); !started) return Fail(started.error());
  return reader;
}

}  // namespace warifu
