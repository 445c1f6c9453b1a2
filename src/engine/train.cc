#include "engine/train.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/hash.h"
#include "base/join.h"
#include "base/rng.h"
#include "engine/content_source.h"
#include "engine/suspicious_pairs.h"
#include "text/bag_of_words.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

constexpr std::size_t kBagSize = 1000;
constexpr std::size_t kPieces = 4000;
constexpr std::size_t kMaxValidation = 500;
constexpr const char* kMismatchedPairs = "mismatched-pairs.txt";
constexpr const char* kSuspiciousPairs = "suspicious-pairs.csv";

Result<std::vector<Item>> training_items(const Workspace& workspace, const TrainRequest& request) {
  const auto rows = workspace.catalog().split("train");
  if (!rows) return std::unexpected(rows.error());
  auto items = workspace.catalog().items(*rows);
  if (!items) return items;
  if (request.only_labels.empty()) return items;
  const std::set<std::string> wanted(request.only_labels.begin(), request.only_labels.end());
  const std::set<std::string> asked(request.label_columns.begin(), request.label_columns.end());
  std::set<std::string> columns;  // that hold a wanted value
  for (const Item& item : *items)
    for (const Label& label : item.labels)
      if (wanted.contains(label.value) && (asked.empty() || asked.contains(label.column))) columns.insert(label.column);
  // An item that also carries a value for later is of a later category, too.
  std::erase_if(*items, [&](const Item& item) {
    bool has_wanted = false;
    for (const Label& label : item.labels) {
      if (!columns.contains(label.column)) continue;
      if (!wanted.contains(label.value)) return true;
      has_wanted = true;
    }
    return !has_wanted;
  });
  return items;
}

struct Start {
  std::filesystem::path directory;
  SpaceInfo space;
};

Result<std::optional<Start>> find_start(const Workspace& workspace, const TrainRequest& request) {
  if (request.start_from.empty()) return std::nullopt;
  if (auto can = check_starts_from(request.method); !can) return std::unexpected(can.error());
  if (auto there = workspace.require_space(request.start_from); !there) return std::unexpected(there.error());
  Start start{workspace.space_folder(request.start_from), {}};
  auto space = read_space_info(start.directory);
  if (!space) return std::unexpected(space.error());
  if (space->method != request.method)
    return fail(ErrorCode::kInvalidArgument,
                "--start-from " + request.start_from + ", which was trained by " + space->method +
                    ": its weights are not those of " + request.method,
                "start from a space of the same method");
  start.space = std::move(*space);
  return start;
}

// A start brings its towers, since its weights mean something for the same features alone. What is asked for beside
// it must be the same.
Result<void> check_asked_tower(const TowerSpec& start, const std::string& encoder, const std::string& flag,
                               const TrainRequest& request) {
  if (encoder.empty() || encoder == start.name) return {};
  return fail(
      ErrorCode::kInvalidArgument,
      flag + " " + encoder + ", but space '" + request.start_from + "' was trained through '" + start.name + "'",
      "leave it out: the start brings its encoders");
}

Result<void> check_asked_file(const std::filesystem::path& start, const std::filesystem::path& asked,
                              const std::string& flag, const TrainRequest& request) {
  if (asked.empty()) return {};
  const auto hash = file_hash(asked);
  if (!hash) return std::unexpected(hash.error());
  const auto own = start.empty() ? Result<std::string>("") : file_hash(start);
  if (!own) return std::unexpected(own.error());
  if (*hash == *own) return {};
  return fail(ErrorCode::kInvalidArgument,
              flag + " " + asked.string() + " is not the file that space '" + request.start_from + "' was trained with",
              "leave it out: the start brings its encoders");
}

Result<void> check_asked_towers(const SpaceInfo& start, const TrainRequest& request) {
  if (auto same = check_asked_tower(start.image, request.image_encoder, "--image-encoder", request); !same) return same;
  if (auto same = check_asked_tower(start.text, request.text_encoder, "--text-encoder", request); !same) return same;
  if (auto same = check_asked_file(start.image.weights, request.image_weights, "--image-weights", request); !same)
    return same;
  if (auto same = check_asked_file(start.text.weights, request.text_weights, "--text-weights", request); !same)
    return same;
  return check_asked_file(start.text.vocabulary, request.text_vocabulary, "--text-vocabulary", request);
}

Result<TowerSpec> choose_image_tower(const Workspace& workspace, const TrainRequest& request) {
  TowerSpec tower{request.image_encoder, request.image_weights, {}};
  if (!tower.name.empty()) return tower;
  const auto given = workspace.given_features(Modality::kImage);
  if (!given) return std::unexpected(given.error());
  if (!request.image_weights.empty())
    return fail(ErrorCode::kInvalidArgument, "--image-weights without --image-encoder",
                "say which encoder the file is of: --image-encoder mobilenet_v2 or clip");
  tower.name = (*given)->rows() > 0 ? "given" : std::string(default_tower(request.method, Modality::kImage));
  return tower;
}

// Vocabularies are learnt from the training texts alone and named by them.
Result<std::filesystem::path> learnt_vocabulary(const Workspace& workspace, std::string_view tower,
                                                std::span<const std::string> texts) {
  std::string all;
  for (const std::string& text : texts) (all += text) += '\n';
  const auto path = workspace.vocabulary_folder() / (std::string(tower) + "-" + content_hash(all));
  std::error_code failure;
  if (std::filesystem::exists(path, failure)) return path;
  auto made =
      tower == "bow" ? BagOfWords::learn(texts, kBagSize).save(path) : train_sentencepiece(texts, kPieces, path);
  if (!made) return std::unexpected(made.error());
  return path;
}

Result<TowerSpec> choose_text_tower(const Workspace& workspace, const TrainRequest& request,
                                    std::span<const Item> items) {
  TowerSpec tower{request.text_encoder, request.text_weights, request.text_vocabulary};
  if (tower.name.empty()) {
    const auto given = workspace.given_features(Modality::kText);
    if (!given) return std::unexpected(given.error());
    tower.name = (*given)->rows() > 0 ? "given" : std::string(default_tower(request.method, Modality::kText));
  }
  if (tower.name == "clip" && tower.weights.empty()) tower.weights = request.image_weights;
  if (tower.name != "bow" && tower.name != "small") return tower;
  if (!request.text_vocabulary.empty())
    return fail(ErrorCode::kInvalidArgument,
                "--text-vocabulary with text encoder '" + tower.name + "', whose vocabulary is learnt",
                "leave it out, or choose --text-encoder clip");
  std::vector<std::string> texts;
  for (const Item& item : items)
    if (item.text) texts.push_back(*item.text);
  if (texts.empty())
    return fail(ErrorCode::kNotFound, "no training item has a text", "ingest texts, or features with --text-features");
  auto vocabulary = learnt_vocabulary(workspace, tower.name, texts);
  if (!vocabulary) return std::unexpected(vocabulary.error());
  tower.vocabulary = *vocabulary;
  return tower;
}

// As many parts as the method wants; given features and towers that are still to be learnt have none. A start brings
// its towers as they are.
Result<void> ask_for_parts(const TrainRequest& request, Modality modality, TowerSpec& tower) {
  if (!request.start_from.empty() || tower.name == "given" || is_trained_tower(tower.name)) return {};
  const auto parts = wanted_parts(request.method, modality, request.settings);
  if (!parts) return std::unexpected(parts.error());
  tower.parts = *parts;
  return {};
}

// Value ids over the chosen columns, in ascending (column, value) order.
Result<void> add_labels(const Workspace& workspace, const TrainRequest& request, std::span<const Item> items,
                        TrainingSet& set) {
  const auto known = workspace.catalog().label_columns();
  if (!known) return std::unexpected(known.error());
  for (const std::string& column : request.label_columns)
    if (!std::ranges::binary_search(*known, column)) {
      return fail(ErrorCode::kNotFound, "no item has a label column '" + column + "'",
                  known->empty() ? "ingest with --label-columns" : "label columns: " + join(*known));
    }
  const auto chosen = [&](const Label& label) {
    return request.label_columns.empty() ||
           std::ranges::find(request.label_columns, label.column) != request.label_columns.end();
  };
  std::map<Label, std::uint32_t> ids;
  for (const Item& item : items)
    for (const Label& label : item.labels)
      if (chosen(label)) ids.emplace(label, 0);
  std::uint32_t next = 0;
  std::map<std::string, std::uint32_t> columns;
  for (auto& [label, id] : ids) {
    id = next++;
    set.label_names.push_back(label_name(label));
    const auto column = static_cast<std::uint32_t>(columns.size());
    set.column_of_value.push_back(columns.emplace(label.column, column).first->second);
  }
  set.label_values = ids.size();
  for (const Item& item : items) {
    auto& values = set.labels.emplace_back();
    for (const Label& label : item.labels)
      if (chosen(label)) values.push_back(ids.at(label));
  }
  return {};
}

// Moves the texts of a share of the pairs, held-out ones among them, round in a circle: each gets
// another's. The positions, ascending.
std::vector<std::size_t> mismatch_pairs(TrainingSet& set, std::size_t items, double share, std::uint64_t seed) {
  std::vector<std::size_t> positions(items);
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  Rng rng(seed ^ 0x6E6F697365ULL);
  shuffle(std::span(positions), rng);
  positions.resize(static_cast<std::size_t>(share * static_cast<double>(items)));
  if (positions.size() < 2) positions.clear();  // no other to exchange with
  for (std::size_t i = 1; i < positions.size(); ++i) {
    const std::size_t a = positions[i - 1];
    const std::size_t b = positions[i];
    if (!set.text.texts.empty()) std::swap(set.text.texts[a], set.text.texts[b]);
    if (!set.text.features.empty()) std::ranges::swap_ranges(set.text.features.row(a), set.text.features.row(b));
  }
  std::ranges::sort(positions);
  return positions;
}

void split_validation(TrainingSet& set, std::size_t items, std::uint64_t seed) {
  std::vector<std::size_t> order(items);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Rng rng(seed);
  shuffle(std::span(order), rng);
  const auto held_out = static_cast<std::ptrdiff_t>(std::min(items / 10, kMaxValidation));
  set.validation.assign(order.begin(), order.begin() + held_out);
  set.train.assign(order.begin() + held_out, order.end());
  std::ranges::sort(set.validation);
  std::ranges::sort(set.train);
}

// Keeps the entries of a batch at `keep` (positions of the items both halves have).
TrainingInputs select(TowerSpec tower, ContentBatch batch, std::span<const std::size_t> keep) {
  TrainingInputs inputs;
  inputs.tower = std::move(tower);
  if (!batch.features.empty()) inputs.features = FloatMatrix(keep.size(), batch.features.cols());
  std::size_t entry = 0;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    while (batch.present[entry] != keep[i]) ++entry;
    if (!batch.features.empty()) std::ranges::copy(batch.features.row(entry), inputs.features.row(i).begin());
    if (!batch.pictures.empty()) inputs.pictures.push_back(std::move(batch.pictures[entry]));
    if (!batch.texts.empty()) inputs.texts.push_back(std::move(batch.texts[entry]));
  }
  return inputs;
}

// A newcomer with 60 items has a vocabulary narrower than 128 words: the lengths that fit are trained.
std::vector<std::uint32_t> usual_bits(std::string_view method, const TrainingSet& set, bool to_choose_from) {
  const std::size_t longest = longest_code(method, set.image.features.cols(), set.text.features.cols());
  std::vector<std::uint32_t> bits;
  for (const std::uint32_t length : {16U, 24U, 32U, 48U, 64U, 96U, 128U})
    if (length <= longest && (to_choose_from || std::has_single_bit(length))) bits.push_back(length);
  if (bits.empty()) bits.push_back(static_cast<std::uint32_t>(longest));
  return bits;
}

// What was mismatched on purpose, and what the method holds to be mismatched.
Result<void> list_pairs(std::span<const Item> items, std::span<const std::size_t> mismatched,
                        std::span<const float> clean_probability, const std::filesystem::path& directory,
                        TrainOutcome& outcome) {
  if (!mismatched.empty()) {
    std::string ids;
    for (const std::size_t position : mismatched) ids += items[position].id + "\n";
    if (auto written = write_file_atomically(directory / kMismatchedPairs, std::string_view(ids)); !written)
      return written;
  }
  if (clean_probability.empty()) return {};
  const auto suspicious = write_suspicious_pairs(directory / kSuspiciousPairs, items, clean_probability);
  if (!suspicious) return std::unexpected(suspicious.error());
  outcome.suspicious_pairs = suspicious->size();
  if (mismatched.empty()) return {};
  const auto found = static_cast<double>(
      std::ranges::count_if(*suspicious, [&](std::size_t i) { return std::ranges::binary_search(mismatched, i); }));
  outcome.suspicious_recall = found / static_cast<double>(mismatched.size());
  if (!suspicious->empty()) outcome.suspicious_precision = found / static_cast<double>(suspicious->size());
  return {};
}

// What was held out of training, for whoever chooses by it later ('warifu calibrate').
Result<void> list_held_out(std::span<const Item> items, std::span<const std::size_t> held_out,
                           const std::filesystem::path& directory) {
  std::string ids;
  for (const std::size_t position : held_out) ids += items[position].id + "\n";
  return write_file_atomically(directory / kHeldOutItems, std::string_view(ids));
}

// Where a space steps while another takes its place.
std::filesystem::path aside_of(const std::filesystem::path& space) {
  return space.parent_path() / (".old-" + space.filename().string());
}

// A run that was killed while it replaced the space left the old one aside.
void recover_space(const std::filesystem::path& target) {
  const auto aside = aside_of(target);
  std::error_code failure;
  if (!std::filesystem::exists(target, failure) && std::filesystem::exists(aside, failure))
    std::filesystem::rename(aside, target, failure);
}

Result<void> replace_space(const std::filesystem::path& made, const std::filesystem::path& target) {
  // The old one steps aside first: a kill in between leaves both, none half-deleted.
  const auto aside = aside_of(target);
  std::error_code failure;
  std::filesystem::remove_all(aside, failure);
  if (std::filesystem::exists(target, failure)) std::filesystem::rename(target, aside, failure);
  if (!failure) std::filesystem::rename(made, target, failure);
  if (failure) return fail(ErrorCode::kIo, target.string() + ": " + failure.message());
  std::filesystem::remove_all(aside, failure);
  return {};
}

// What was learnt is not thrown away because an index run of the former space is at work.
Result<WriteLock> lock_when_free(const Workspace& workspace, const std::string& space, ProgressSink& progress) {
  for (bool told = false;; told = true) {
    auto lock = workspace.lock_space(space);
    if (lock || lock.error().code != ErrorCode::kUnavailable || progress.stop_requested()) return lock;
    if (!told) progress.note(lock.error().message + ": waiting for its end");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

std::string trainable_methods() { return join(method_names()); }

Result<TrainOutcome> train(Workspace& workspace, const TrainRequest& request, ProgressSink& progress) {
  const auto started = std::chrono::steady_clock::now();
  TrainOutcome outcome;
  outcome.space = request.space.empty() ? request.method : request.space;
  if (auto named = Workspace::check_space_name(outcome.space); !named) return std::unexpected(named.error());
  if (auto known = check_method(request.method); !known) return std::unexpected(known.error());
  if (request.bits_tolerance)
    if (auto can = check_chooses_bits(request.method); !can) return std::unexpected(can.error());
  if (!(request.pair_noise >= 0 && request.pair_noise <= 1))
    return fail(ErrorCode::kInvalidArgument,
                "--noise pairs:" + std::to_string(request.pair_noise) + " is not in 0 … 1");

  recover_space(workspace.space_folder(outcome.space));
  const auto start = find_start(workspace, request);
  if (!start) return std::unexpected(start.error());
  if (*start)
    if (auto same = check_asked_towers((*start)->space, request); !same) return std::unexpected(same.error());

  auto items = training_items(workspace, request);
  if (!items) return std::unexpected(items.error());
  const std::size_t in_split = items->size();
  auto image_tower = *start ? Result<TowerSpec>((*start)->space.image) : choose_image_tower(workspace, request);
  if (!image_tower) return std::unexpected(image_tower.error());
  if (auto asked = ask_for_parts(request, Modality::kImage, *image_tower); !asked)
    return std::unexpected(asked.error());
  auto images = ContentSource::open(workspace, *image_tower, Modality::kImage, trained_picture_format());
  if (!images) return std::unexpected(images.error());
  auto text_tower = *start ? Result<TowerSpec>((*start)->space.text) : choose_text_tower(workspace, request, *items);
  if (!text_tower) return std::unexpected(text_tower.error());
  if (auto asked = ask_for_parts(request, Modality::kText, *text_tower); !asked) return std::unexpected(asked.error());
  auto texts = ContentSource::open(workspace, *text_tower, Modality::kText, trained_picture_format());
  if (!texts) return std::unexpected(texts.error());
  outcome.image_encoder = image_tower->name;
  outcome.text_encoder = text_tower->name;
  progress.note("pictures through '" + image_tower->name + "', texts through '" + text_tower->name + "'");

  std::erase_if(*items, [&](const Item& item) { return !images->has(item) || !texts->has(item); });
  auto image_batch = images->load(*items, progress);
  if (!image_batch) return std::unexpected(image_batch.error());
  auto text_batch = texts->load(*items, progress);
  if (!text_batch) return std::unexpected(text_batch.error());
  for (const auto& [position, error] : image_batch->failed)
    progress.note("left out '" + (*items)[position].id + "': " + error.message);
  std::vector<std::size_t> complete;
  std::ranges::set_intersection(image_batch->present, text_batch->present, std::back_inserter(complete));
  outcome.left_out = in_split - complete.size();
  if (complete.empty())
    return fail(ErrorCode::kNotFound,
                "none of the " + std::to_string(in_split) + " training items has both a picture and a text",
                "see 'warifu status'; training learns from pairs");

  TrainingSet set;
  set.image = select(*image_tower, std::move(*image_batch), complete);
  set.text = select(*text_tower, std::move(*text_batch), complete);
  std::vector<Item> kept;
  for (const std::size_t position : complete) kept.push_back(std::move((*items)[position]));
  if (auto labelled = add_labels(workspace, request, kept, set); !labelled) return std::unexpected(labelled.error());
  split_validation(set, kept.size(), request.seed);
  const auto mismatched = mismatch_pairs(set, kept.size(), request.pair_noise, request.seed);
  outcome.mismatched_pairs = mismatched.size();
  outcome.train_items = set.train.size();
  outcome.validation_items = set.validation.size();

  // Beside the finished spaces, under a name no space can have, until it is whole.
  const auto unfinished = workspace.root() / "spaces" / (".training-" + outcome.space);
  std::error_code failure;
  std::filesystem::create_directories(unfinished, failure);
  if (failure) return fail(ErrorCode::kIo, unfinished.string() + ": " + failure.message());
  // What an interrupted run of another method or with other noise left is not this run's.
  for (const char* name : {"train-log.jsonl", kMismatchedPairs, kSuspiciousPairs})
    std::filesystem::remove(unfinished / name, failure);
  outcome.bits = request.bits;
  if (outcome.bits.empty() && *start)
    for (const CodeSpace& length : (*start)->space.spaces) outcome.bits.push_back(length.bits);
  if (outcome.bits.empty()) outcome.bits = usual_bits(request.method, set, request.bits_tolerance.has_value());
  TrainOptions options{.bits = outcome.bits,
                       .seed = request.seed,
                       .bits_tolerance = request.bits_tolerance,
                       .epochs = request.epochs,
                       .space = outcome.space,
                       .settings = request.settings};
  if (*start) options.start_from = (*start)->directory;
  auto report = train_method(request.method, set, options, unfinished, progress);
  if (!report) return std::unexpected(report.error());
  if (auto listed = list_pairs(kept, mismatched, report->clean_probability, unfinished, outcome); !listed)
    return std::unexpected(listed.error());
  if (auto listed = list_held_out(kept, set.validation, unfinished); !listed) return std::unexpected(listed.error());
  std::filesystem::remove_all(unfinished / "checkpoint", failure);  // of another method
  const auto lock = lock_when_free(workspace, outcome.space, progress);
  if (!lock) return std::unexpected(lock.error());
  if (auto replaced = replace_space(unfinished, workspace.space_folder(outcome.space)); !replaced)
    return std::unexpected(replaced.error());
  outcome.bits = report->bits;
  outcome.report = *report;
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return outcome;
}

}  // namespace warifu
