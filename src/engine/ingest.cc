#include "engine/ingest.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>

#include "base/file.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "engine/splits.h"
#include "security/principal.h"
#include "text/normalize.h"

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatchRecords = 256;
constexpr std::size_t kBatchBytes = std::size_t{256} << 20;
constexpr auto kCommitEvery = std::chrono::seconds(5);

Rejection reject(const std::string& place, const Error& error) { return {place, error.message, error.hint}; }

// A record on its way into the catalog: what the parallel checks found out about it.
struct Candidate {
  Record record;
  Item item;
  bool picture_not_found = false;
  bool groups_stated = false;
  AnonymiseCounts anonymised;
  std::optional<Rejection> rejection;
};

// Whoever reads the workspace later may stand in another folder.
std::string absolute_path(const std::string& path) {
  std::error_code failure;
  const auto absolute = std::filesystem::absolute(path, failure);
  return failure ? path : absolute.lexically_normal().string();
}

// Checks one record by itself, beyond what every reader promises: text normalises, picture decodes. Runs on any thread.
class RecordCheck {
 public:
  // `labels_suffice`: RecordReader::labels_alone().
  // `anonymiser`: null to take records as they are.
  RecordCheck(const Workspace& workspace, const IngestOptions& options, const Anonymiser* anonymiser,
              bool labels_suffice)
      : workspace_(workspace), options_(options), anonymiser_(anonymiser), labels_suffice_(labels_suffice) {}

  // `known_hash`: content hash of the picture the catalog already has under this id; such a picture is
  // not decoded again.
  void check(Candidate& candidate, const std::string& known_hash) const {
    if (auto done = check_item(candidate, known_hash); !done)
      candidate.rejection = reject(candidate.record.place, done.error());
  }

 private:
  Result<void> check_item(Candidate& candidate, const std::string& known_hash) const {
    Record& record = candidate.record;
    Item& item = candidate.item;
    item.id = record.id;
    if (record.text) {
      auto text = normalize_text(*record.text);
      if (!text) return with_context("text", text.error());
      if (!text->empty()) item.text = std::move(*text);
    }
    item.labels = std::move(record.labels);
    item.attributes = std::move(record.attributes);
    if (const auto& stated = options_.groups ? options_.groups : record.groups) {
      candidate.groups_stated = true;
      for (const std::string& group : *stated)
        if (auto named = check_group_name(group); !named) return named;
      item.groups = *stated;
    }
    if (anonymiser_ != nullptr)
      if (auto masked = anonymiser_->words(item, candidate.anonymised); !masked) return masked;
    if (auto read = check_picture(candidate, known_hash); !read) return read;
    const bool has_picture = !item.image_hash.empty() || !record.image_features.empty();
    const bool has_text = item.text.has_value() || !record.text_features.empty();
    if (!has_picture && !has_text && !labels_suffice_)
      return fail(ErrorCode::kBadFormat, "the item has neither a picture nor a text",
                  "give it at least one of the two");
    return {};
  }

  Result<void> check_picture(Candidate& candidate, const std::string& known_hash) const {
    Record& record = candidate.record;
    Item& item = candidate.item;
    const bool archived = !record.image_bytes.empty();
    if (record.image_uri.empty() && !archived) return {};
    if (anonymiser_ == nullptr) {
      item.image_uri = archived ? record.image_uri : absolute_path(record.image_uri);
    } else if (anonymiser_->keeps_original_path()) {
      item.original_uri = archived ? record.image_uri : absolute_path(record.image_uri);
    }
    if (!archived) {
      auto bytes = read_file(record.image_uri, options_.limits.max_bytes);
      if (!bytes) {
        const bool tolerated = options_.allow_missing_pictures || !record.image_features.empty();
        if (bytes.error().code == ErrorCode::kNotFound && tolerated) {
          candidate.picture_not_found = true;
          return {};
        }
        if (bytes.error().code == ErrorCode::kNotFound)
          return fail(ErrorCode::kNotFound, "picture '" + record.image_uri + "' does not exist",
                      "run 'warifu ingest --allow-missing' to keep the item without it");
        return std::unexpected(bytes.error());
      }
      record.image_bytes = std::move(*bytes);
    }
    if (anonymiser_ != nullptr) return keep_anonymised(candidate);
    const std::string hash = content_hash(record.image_bytes);
    if (hash != known_hash) {
      const auto image = decode_image(record.image_bytes, options_.limits);
      if (!image) return about_picture(record, image.error());
    }
    item.image_hash = hash;
    if (archived) {
      auto uri = workspace_.keep_picture(record.image_bytes, hash, record.image_uri);
      if (!uri) return std::unexpected(uri.error());
      item.image_uri = *uri;
    }
    record.image_bytes = {};
    return {};
  }

  static Fail about_picture(const Record& record, const Error& error) {
    return with_context("picture '" + record.image_uri + "'", error);
  }

  Result<void> keep_anonymised(Candidate& candidate) const {
    Record& record = candidate.record;
    auto image = decode_image(record.image_bytes, options_.limits);
    if (!image) return about_picture(record, image.error());
    const auto picture = anonymiser_->picture(std::move(*image), record.image_bytes, candidate.anonymised);
    if (!picture) return about_picture(record, picture.error());
    record.image_bytes = {};
    if (picture->bytes.size() > options_.limits.max_bytes)
      return about_picture(record, {ErrorCode::kInvalidArgument,
                                    "anonymised, it takes " + std::to_string(picture->bytes.size()) +
                                        " bytes, the limit is " + std::to_string(options_.limits.max_bytes),
                                    "make the picture smaller"});
    candidate.item.image_hash = content_hash(picture->bytes);
    auto uri =
        workspace_.keep_picture(picture->bytes, candidate.item.image_hash, "picture" + std::string(picture->extension));
    if (!uri) return std::unexpected(uri.error());
    candidate.item.image_uri = std::move(*uri);
    return {};
  }

  const Workspace& workspace_;
  const IngestOptions& options_;
  const Anonymiser* anonymiser_;
  bool labels_suffice_;
};

// Rows of given features on their way into a store, appended a few thousand at a time.
class GivenFeatures {
 public:
  explicit GivenFeatures(std::unique_ptr<FeatureStore> store) : store_(std::move(store)) {}

  // Whether features of this width can be stored beside the ones already there.
  Result<void> check_width(std::size_t width) const {
    const std::size_t expected = store_->cols() > 0 ? store_->cols() : width_;
    if (expected == 0 || expected == width) return {};
    return fail(
        ErrorCode::kIncompatible,
        "the feature has " + std::to_string(width) + " values, the workspace's have " + std::to_string(expected),
        "use another workspace for features of another width");
  }

  void add(const std::string& id, std::vector<float> values) {
    width_ = values.size();
    keys_.push_back(id);
    values_.insert(values_.end(), values.begin(), values.end());
  }

  // Whether exactly these values are stored already.
  bool has(const std::string& id, std::span<const float> values) const {
    if (!store_->contains(id)) return false;
    const std::array<std::string, 1> key{id};
    const auto stored = store_->gather(key);
    return stored && std::ranges::equal(stored->row(0), values);
  }

  Result<void> flush() {
    if (keys_.empty()) return {};
    const FloatMatrix rows(keys_.size(), width_, std::move(values_));
    auto appended = store_->append(keys_, rows);
    keys_.clear();
    values_.clear();
    if (!appended) return appended;
    return store_->flush();
  }

 private:
  std::unique_ptr<FeatureStore> store_;
  std::size_t width_ = 0;
  std::vector<std::string> keys_;
  std::vector<float> values_;
};

class Ingestion {
 public:
  Ingestion(Workspace& workspace, const IngestOptions& options, std::optional<Anonymiser> anonymiser,
            ProgressSink& progress, GivenFeatures image_features, GivenFeatures text_features)
      : workspace_(workspace),
        options_(options),
        anonymiser_(std::move(anonymiser)),
        progress_(progress),
        image_features_(std::move(image_features)),
        text_features_(std::move(text_features)) {}

  Result<IngestReport> run(RecordReader& reader) {
    const auto started = Clock::now();
    if (reader.labels_alone())
      progress_.note(
          "this source holds labels alone: its items can be counted and split, but neither encoded nor found; give "
          "their features in the same command with --image-features or --text-features");
    if (auto begun = workspace_.catalog().begin_writing(); !begun) return std::unexpected(begun.error());
    if (auto allowed = workspace_.allow_images(options_.limits); !allowed) return std::unexpected(allowed.error());
    if (auto set = begin_anonymising(); !set) return std::unexpected(set.error());
    if (auto read = read_all(reader); !read) return std::unexpected(read.error());
    if (auto saved = commit(); !saved) return std::unexpected(saved.error());
    if (report_.replaced > 0)
      progress_.note(
          std::to_string(report_.replaced) + " items were replaced by others of the same id (" + replaced_example_ +
          "): if they are different things, give them ids of their own, or read them from a folder above both");
    if (report_.anonymised && report_.anonymised->telling_ids > 0)
      progress_.note("ids stay as they are, and " + std::to_string(report_.anonymised->telling_ids) +
                     " of them hold what the rules describe: give items other ids with --id-column");
    if (report_.stopped) progress_.note("stopped on request; the same command continues");
    if (!report_.stopped)
      if (auto split = assign_splits(workspace_.catalog(), options_.splits, options_.seed, report_); !split)
        return std::unexpected(split.error());
    if (auto ended = workspace_.catalog().end_writing(); !ended) return std::unexpected(ended.error());
    const auto counts = workspace_.catalog().counts();
    if (!counts) return std::unexpected(counts.error());
    report_.items = counts->items;
    report_.seconds = std::chrono::duration<double>(Clock::now() - started).count();
    return std::move(report_);
  }

 private:
  // In the transaction of the first items: either both are in the catalog or neither.
  Result<void> begin_anonymising() {
    if (!anonymiser_) return {};
    if (auto clean = anonymiser_->check_clean(workspace_); !clean) return clean;
    const auto others = anonymiser_->remember(workspace_);
    if (!others) return std::unexpected(others.error());
    if (*others)
      progress_.note("the rules are not those of earlier items, which stay as they are: ingest their sources again");
    if (!anonymiser_->keeps_original_path())
      progress_.note(
          "nothing about originals is kept; ids are: where file names would become ids, give others with a table and "
          "--id-column");
    report_.anonymised.emplace();
    return {};
  }

  Result<void> read_all(RecordReader& reader) {
    auto last_commit = Clock::now();
    for (;;) {
      std::vector<Candidate> batch = next_batch(reader);
      if (batch.empty()) return {};
      if (auto stored = store(batch, reader.labels_alone()); !stored) return stored;
      progress_.advance("reading", read_, reader.size_hint() == 0 ? 0 : std::max(reader.size_hint(), read_));
      report_.stopped = progress_.stop_requested();
      if (report_.stopped) return {};
      if (Clock::now() - last_commit > kCommitEvery) {
        if (auto saved = commit(); !saved) return saved;
        last_commit = Clock::now();
      }
    }
  }

  std::vector<Candidate> next_batch(RecordReader& reader) {
    std::vector<Candidate> batch;
    std::size_t bytes = 0;
    while (batch.size() < kBatchRecords && bytes < kBatchBytes) {
      auto record = reader.next();
      if (!record) break;
      ++read_;
      Candidate candidate;
      if (*record) {
        candidate.record = std::move(**record);
        bytes += candidate.record.image_bytes.size();
      } else {
        candidate.rejection = record->error();
        candidate.record.place = record->error().place;
      }
      batch.push_back(std::move(candidate));
    }
    return batch;
  }

  Result<void> store(std::vector<Candidate>& batch, bool labels_suffice) {
    std::vector<std::string> known(batch.size());
    std::vector<std::string> known_place(batch.size());
    std::vector<std::vector<std::string>> known_groups(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].rejection) continue;
      const auto item = workspace_.catalog().find(batch[i].record.id);
      if (!item) return std::unexpected(item.error());
      if (!*item) continue;
      known[i] = (*item)->image_hash;
      known_place[i] = (*item)->image_uri;
      known_groups[i] = (*item)->groups;
    }
    const RecordCheck check(workspace_, options_, anonymiser_ ? &*anonymiser_ : nullptr, labels_suffice);
    parallel_for(batch.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        if (!batch[i].rejection) check.check(batch[i], known[i]);
    });
    for (std::size_t i = 0; i < batch.size(); ++i) {
      notice_replaced(batch[i], known[i], known_place[i]);
      // A source that says nothing about rights must not open what is restricted.
      if (!batch[i].groups_stated) batch[i].item.groups = std::move(known_groups[i]);
      if (auto stored = store_one(batch[i]); !stored) return stored;
    }
    return {};
  }

  // Another picture in another place under an id that is known: a second folder with the same file names, more
  // often than a picture that was moved and edited.
  void notice_replaced(const Candidate& candidate, const std::string& old_hash, const std::string& old_place) {
    const Item& item = candidate.item;
    if (anonymiser_) return;  // the place is named by the content
    if (candidate.rejection || old_hash.empty() || item.image_hash.empty() || old_hash == item.image_hash ||
        old_place == item.image_uri)
      return;
    if (report_.replaced++ == 0)
      replaced_example_ = "'" + item.id + "' was " + old_place + " and is now " + item.image_uri;
  }

  Result<void> store_one(Candidate& candidate) {
    if (!candidate.rejection)
      for (const auto& [features, values] : {std::pair(&image_features_, &candidate.record.image_features),
                                             std::pair(&text_features_, &candidate.record.text_features)})
        if (!values->empty())
          if (auto fits = features->check_width(values->size()); !fits)
            candidate.rejection = reject(candidate.record.place, fits.error());
    Catalog& catalog = workspace_.catalog();
    if (candidate.rejection) {
      report_.rejected.push_back(*candidate.rejection);
      return keep_rejection(*candidate.rejection);
    }
    if (report_.anonymised) report_.anonymised->add(candidate.anonymised);
    bool new_features = false;
    for (const auto& [features, values] : {std::pair(&image_features_, &candidate.record.image_features),
                                           std::pair(&text_features_, &candidate.record.text_features)}) {
      if (values->empty() || features->has(candidate.item.id, *values)) continue;
      features->add(candidate.item.id, std::move(*values));
      new_features = true;
    }
    const auto stored = catalog.put(candidate.item);
    if (!stored) return std::unexpected(stored.error());
    report_.rows.push_back(stored->first);
    if (new_features && stored->second == Stored::kUnchanged) {
      // The catalog cannot see features: say by its revision that the item's codes are stale.
      if (auto touched = catalog.touch(stored->first); !touched) return touched;
      ++report_.updated;
    } else {
      ++(stored->second == Stored::kAdded     ? report_.added
         : stored->second == Stored::kUpdated ? report_.updated
                                              : report_.unchanged);
    }
    if (candidate.picture_not_found) ++report_.pictures_not_found;
    return catalog.clear_rejection(candidate.record.place);
  }

  // Its reason may quote the source.
  Result<void> keep_rejection(const Rejection& rejection) {
    if (!anonymiser_) return workspace_.catalog().put_rejection(rejection);
    if (!anonymiser_->keeps_original_path()) return {};
    AnonymiseCounts uncounted;
    Rejection kept{rejection.place, "", rejection.hint};
    const auto normalised = normalize_text(rejection.reason);
    const auto reason = normalised ? anonymiser_->text(*normalised, uncounted) : normalised;
    kept.reason = reason ? *reason : "cannot be said without personal data; ingest the source again to see it";
    return workspace_.catalog().put_rejection(kept);
  }

  // The catalog first: if a crash takes the features away, the next run finds them missing and gives the item a
  // new revision. The other way round they would be there, and the item's codes stale for ever.
  Result<void> commit() {
    if (auto saved = workspace_.catalog().commit(); !saved) return saved;
    if (auto flushed = image_features_.flush(); !flushed) return flushed;
    return text_features_.flush();
  }

  Workspace& workspace_;
  const IngestOptions& options_;
  std::optional<Anonymiser> anonymiser_;
  ProgressSink& progress_;
  GivenFeatures image_features_;
  GivenFeatures text_features_;
  IngestReport report_;
  std::string replaced_example_;
  std::size_t read_ = 0;
};

// How the items of this run are anonymised, if they are.
Result<std::optional<Anonymiser>> choose_anonymiser(const Workspace& workspace, const IngestOptions& options,
                                                    ProgressSink& progress) {
  if (options.anonymise) {
    auto made = Anonymiser::make(&workspace, *options.anonymise);
    if (!made) return std::unexpected(made.error());
    return std::optional<Anonymiser>(std::move(*made));
  }
  auto remembered = Anonymiser::remembered(workspace);
  if (!remembered || !*remembered) return remembered;
  if (!options.without_anonymising) return remembered;
  progress.note("the workspace is anonymised, but these items are taken as they are, as you asked");
  return std::optional<Anonymiser>();
}

}  // namespace

Result<IngestReport> ingest(const std::filesystem::path& root, const std::filesystem::path& path,
                            const IngestOptions& options, ProgressSink& progress) {
  if (options.anonymise && options.without_anonymising)
    return fail(ErrorCode::kInvalidArgument, "the items can be anonymised or taken as they are, not both",
                "leave out one of --anonymise and --no-anonymise");
  for (const std::string& group : options.groups.value_or(std::vector<std::string>()))
    if (auto named = check_group_name(group); !named) return std::unexpected(named.error());
  if (options.groups && std::ranges::find(*options.groups, "") != options.groups->end())
    return fail(ErrorCode::kInvalidArgument, "a group with an empty name", "name groups as in --groups a,b");
  if (options.groups && !options.source.group_column.empty())
    return fail(ErrorCode::kInvalidArgument, "groups of all items, and a column of groups",
                "leave out one of --groups and --group-column");
  if (!options.splits.empty())
    if (auto readable = check_splits(options.splits); !readable) return std::unexpected(readable.error());
  if (options.anonymise)
    if (auto good = Anonymiser::make(nullptr, *options.anonymise); !good) return std::unexpected(good.error());
  auto reader = open_records(path, options.source);
  if (!reader) return std::unexpected(reader.error());
  auto workspace = Workspace::create_or_open(root);
  if (!workspace) return std::unexpected(workspace.error());
  auto anonymiser = choose_anonymiser(*workspace, options, progress);
  if (!anonymiser) return std::unexpected(anonymiser.error());
  auto image_features = workspace->given_features(Modality::kImage);
  if (!image_features) return std::unexpected(image_features.error());
  auto text_features = workspace->given_features(Modality::kText);
  if (!text_features) return std::unexpected(text_features.error());
  Ingestion ingestion(*workspace, options, std::move(*anonymiser), progress, GivenFeatures(std::move(*image_features)),
                      GivenFeatures(std::move(*text_features)));
  return ingestion.run(**reader);
}

}  // namespace warifu
