#include "engine/update.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/join.h"
#include "engine/code_files.h"
#include "engine/encode_items.h"
#include "engine/index_items.h"
#include "engine/update_measures.h"
#include "methods/update.h"

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kChunk = 512;  // items encoded between two looks at the progress bar
constexpr Modality kModalities[] = {Modality::kImage, Modality::kText, Modality::kBoth};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
  return {};
}

// "column" of "column=value".
std::string column_of(const std::string& name) { return name.substr(0, name.find('=')); }

// All codes of a space at one moment, by modality and length.
using AllCodes = std::map<std::pair<Modality, std::uint32_t>, std::unique_ptr<CodeSegment>>;

Result<AllCodes> all_codes(const Workspace& workspace, const SpaceInfo& info) {
  AllCodes codes;
  for (const Modality modality : kModalities)
    for (const CodeSpace& space : info.spaces) {
      auto loaded = load_codes(workspace, space, modality);
      if (!loaded) return std::unexpected(loaded.error());
      if (*loaded) codes[{modality, space.bits}] = std::move(*loaded);
    }
  return codes;
}

class Updating {
 public:
  Updating(const std::filesystem::path& root, const UpdateRequest& request, ProgressSink& progress)
      : root_(root), request_(request), progress_(progress) {}

  Result<UpdateOutcome> run() {
    const auto started = Clock::now();
    if (request_.items.empty() == request_.new_labels.empty())
      return fail(ErrorCode::kInvalidArgument, "an update wants either new items or new label values",
                  "name a file with --items NEW.csv, or values that ingested items carry with --new-labels x,y");
    if (auto opened = open(); !opened) return std::unexpected(opened.error());
    if (auto indexed = index_first(); !indexed) return std::unexpected(indexed.error());
    if (auto chosen = request_.items.empty() ? choose_by_labels() : choose_by_source(); !chosen)
      return std::unexpected(chosen.error());
    if (auto taught = teach(); !taught) return std::unexpected(taught.error());
    outcome_.seconds = seconds_since(started);
    return std::move(outcome_);
  }

 private:
  std::filesystem::path folder() const { return workspace_->space_folder(outcome_.space); }
  std::filesystem::path next() const { return workspace_->root() / "spaces" / (".updating-" + outcome_.space); }

  Result<void> open() {
    auto workspace = Workspace::open(root_);
    if (!workspace) return std::unexpected(workspace.error());
    workspace_ = std::make_unique<Workspace>(std::move(*workspace));
    std::string wanted = request_.space;
    if (wanted.empty() && workspace_->require_space("dlch")) wanted = "dlch";
    const auto name = workspace_->choose_space(wanted);
    if (!name) return std::unexpected(name.error());
    outcome_.space = *name;
    auto info = read_space_info(folder());
    if (!info) return std::unexpected(info.error());
    info_ = std::move(*info);
    if (auto can = check_updates(info_.method); !can) return can;
    auto labels = space_labels(folder());
    if (!labels) return std::unexpected(labels.error());
    known_.insert(labels->begin(), labels->end());
    for (const std::string& name_of_label : *labels) columns_.insert(column_of(name_of_label));
    outcome_.method = info_.method;
    outcome_.old_labels = labels->size();
    for (const CodeSpace& space : info_.spaces) outcome_.bits.push_back(space.bits);
    const bool has_64 = std::ranges::find(outcome_.bits, 64U) != outcome_.bits.end();
    const auto measured = choose_bits(info_, request_.bits == 0 && has_64 ? 64 : request_.bits);
    if (!measured) return std::unexpected(measured.error());
    outcome_.measured_bits = measured->bits;
    outcome_.relevance = request_.relevance;
    if (outcome_.relevance.empty())
      for (const std::string& column : columns_)
        outcome_.relevance += (outcome_.relevance.empty() ? "any:" : ",") + column;
    auto rule = RelevanceRule::parse(outcome_.relevance);
    if (!rule) return std::unexpected(rule.error());
    rule_ = std::move(*rule);
    return {};
  }

  // What has no code could not keep it.
  Result<void> index_first() {
    for (const Modality modality : {Modality::kImage, Modality::kText}) {
      const auto codes = load_codes(*workspace_, info_.spaces.front(), modality);
      if (!codes) return std::unexpected(codes.error());
      if (*codes) return {};
    }
    progress_.note("space '" + outcome_.space + "' has no codes yet: the items are indexed first");
    const auto indexed = index_items(*workspace_, outcome_.space, progress_);
    if (!indexed) return std::unexpected(indexed.error());
    return {};
  }

  bool counts(const Label& label) const { return columns_.contains(label.column); }

  bool carries_new(const Item& item) const {
    return std::ranges::any_of(item.labels,
                               [&](const Label& label) { return counts(label) && new_.contains(label_name(label)); });
  }

  // --new-labels: every item that carries one is taken to arrive now.
  Result<void> choose_by_labels() {
    auto items = workspace_->catalog().all_items();
    if (!items) return std::unexpected(items.error());
    std::vector<std::string> learnt;
    for (const std::string& value : request_.new_labels) {
      std::set<std::string> names;
      for (const Item& item : *items)
        for (const Label& label : item.labels)
          if (counts(label) && label.value == value) names.insert(label_name(label));
      if (names.empty())
        return fail(ErrorCode::kNotFound, "no item has the label value '" + value + "' in " + join(columns_),
                    "see the spelling in the source; values are compared as they were ingested");
      const bool is_known = std::ranges::any_of(names, [&](const std::string& name) { return known_.contains(name); });
      if (is_known) learnt.push_back(value);
      new_.insert(names.begin(), names.end());
    }
    if (!learnt.empty())
      return fail(ErrorCode::kInvalidArgument, "space '" + outcome_.space + "' knows already: " + join(learnt),
                  "leave them out; 'warifu index' encodes further items of known categories");
    std::erase_if(*items, [&](const Item& item) { return !carries_new(item); });
    items_ = std::move(*items);
    return {};
  }

  // --items: ingested as 'warifu ingest' would; new label values are those that the space does not know.
  Result<void> choose_by_source() {
    auto report = ingest(root_, request_.items, request_.ingest, progress_);
    if (!report) return std::unexpected(report.error());
    if (report->stopped) return fail(ErrorCode::kUnavailable, "stopped on request", "the same command continues");
    auto items = workspace_->catalog().items(report->rows);
    if (!items) return std::unexpected(items.error());
    items_ = std::move(*items);
    outcome_.ingested = std::move(*report);
    if (auto placed = place_in_splits(); !placed) return placed;
    for (const Item& item : items_)
      for (const Label& label : item.labels)
        if (counts(label) && !known_.contains(label_name(label))) new_.insert(label_name(label));
    if (new_.empty())
      return fail(ErrorCode::kNotFound,
                  request_.items.string() + ": no item carries a label value in " + join(columns_) + " that space '" +
                      outcome_.space + "' does not know",
                  "name the label columns with --label-columns; items of known categories only need 'warifu index'");
    return {};
  }

  // Where splits came from files, new items are in none of them.
  Result<void> place_in_splits() {
    Catalog& catalog = workspace_->catalog();
    const auto names = catalog.split_names();
    if (!names) return std::unexpected(names.error());
    std::set<ItemRow> placed;
    for (const std::string& name : *names) {
      const auto rows = catalog.split(name);
      if (!rows) return std::unexpected(rows.error());
      placed.insert(rows->begin(), rows->end());
    }
    std::vector<ItemRow> loose;
    for (const Item& item : items_)
      if (!placed.contains(item.row)) loose.push_back(item.row);
    if (loose.empty()) return {};
    if (auto begun = catalog.begin_writing(); !begun) return begun;
    for (const char* name : {"train", "database"}) {
      auto rows = catalog.split(name);
      std::set<ItemRow> all;
      if (rows) all.insert(rows->begin(), rows->end());
      all.insert(loose.begin(), loose.end());
      if (auto set = catalog.set_split(name, std::vector<ItemRow>(all.begin(), all.end())); !set) return set;
    }
    progress_.note(std::to_string(loose.size()) + " new items were in no split: they are train and database items now");
    return catalog.end_writing();
  }

  Result<std::vector<Item>> split(const std::string& name) const {
    const auto rows = workspace_->catalog().split(name);
    if (!rows) return std::unexpected(rows.error());
    return workspace_->catalog().items(*rows);
  }

  Result<void> teach() {
    // First of all: what an ingest changes from here on is encoded again by the next index run.
    const auto revision = workspace_->catalog().last_revision();
    if (!revision) return std::unexpected(revision.error());
    auto encoder = ItemEncoder::open(*workspace_, outcome_.space);
    if (!encoder) return std::unexpected(encoder.error());
    TrainingSet set;
    std::vector<Item> taught;
    if (auto made = training_set(*encoder, set, taught); !made) return made;
    const auto before = all_codes(*workspace_, info_);
    if (!before) return std::unexpected(before.error());
    if (auto measured = measure(*encoder, *before, {}, &UpdateMeasure::old_before, &UpdateMeasure::new_before);
        !measured)
      return measured;

    std::error_code failure;
    std::filesystem::remove_all(next(), failure);
    if (auto made = make_folder(next()); !made) return made;
    const auto report =
        update_space(folder(), set, {request_.seed, request_.epochs, request_.settings}, next(), progress_);
    if (!report) return std::unexpected(report.error());
    outcome_.generation = report->generation;
    outcome_.new_labels = report->new_labels;
    outcome_.train_items = set.train.size();
    outcome_.train_seconds = report->train_seconds;
    auto taught_encoder = ItemEncoder::open_directory(*workspace_, next());
    if (!taught_encoder) return std::unexpected(taught_encoder.error());
    if (auto encoded = encode(*taught_encoder); !encoded) return encoded;
    if (auto committed = commit(); !committed) return committed;
    IndexState state = read_index_state(*workspace_, info_.spaces.front());
    state.fingerprint = info_.spaces.front().fingerprint;
    state.revisions[report->generation] = *revision;
    if (auto written = write_index_state(*workspace_, outcome_.space, state); !written) return written;

    info_ = taught_encoder->info();
    const auto after = all_codes(*workspace_, info_);
    if (!after) return std::unexpected(after.error());
    compare(*before, *after);
    if (auto measured = measure(*taught_encoder, *after, {}, &UpdateMeasure::old_after, &UpdateMeasure::new_after);
        !measured)
      return measured;
    const Learned learned{&taught, &report->learned_image, &report->learned_text};
    return measure(*taught_encoder, *after, learned, &UpdateMeasure::old_learned, &UpdateMeasure::new_learned);
  }

  // The new items of the train split that have both halves, with their labels: those the space knows and the new ones.
  Result<void> training_set(ItemEncoder& encoder, TrainingSet& set, std::vector<Item>& taught) {
    const auto train = workspace_->catalog().split("train");
    if (!train) return std::unexpected(train.error());
    std::vector<Item> wanted;
    for (const Item& item : items_)
      if (carries_new(item) && std::ranges::binary_search(*train, item.row)) wanted.push_back(item);
    const auto content = encoder.inputs(wanted, Modality::kBoth, progress_);
    if (!content) return std::unexpected(content.error());
    if (content->inputs.empty())
      return fail(ErrorCode::kNotFound,
                  "no train item with a picture and a text carries one of the new label values: " + join(new_),
                  "see 'warifu status': an update learns from new items of the train split");
    std::map<std::string, std::uint32_t> ids;
    set.image.features = FloatMatrix(content->inputs.size(), content->inputs.front().image_features.size());
    set.text.features = FloatMatrix(content->inputs.size(), content->inputs.front().text_features.size());
    std::set<std::string> untaught = new_;
    for (std::size_t i = 0; i < content->inputs.size(); ++i) {
      const Item& item = wanted[content->positions[i]];
      std::ranges::copy(content->inputs[i].image_features, set.image.features.row(i).begin());
      std::ranges::copy(content->inputs[i].text_features, set.text.features.row(i).begin());
      auto& values = set.labels.emplace_back();
      for (const Label& label : item.labels) {
        const std::string name = label_name(label);
        if (!counts(label) || !(known_.contains(name) || new_.contains(name))) continue;
        const auto [found, fresh] = ids.emplace(name, static_cast<std::uint32_t>(ids.size()));
        if (fresh) set.label_names.push_back(name);
        values.push_back(found->second);
        untaught.erase(name);
      }
      set.train.push_back(i);
      taught.push_back(item);
    }
    set.label_values = ids.size();
    if (!untaught.empty()) progress_.note("no train item carries " + join(untaught) + ": nothing can be learnt of it");
    return {};
  }

  // Codes of the next generation lie beside the others; nobody reads them until model.json says so.
  Result<void> encode(ItemEncoder& encoder) {
    const auto started = Clock::now();
    if (auto made = make_folder(folder() / "codes"); !made) return made;
    std::set<ItemRow> coded;
    SilentProgress quiet;
    std::ranges::sort(items_, {}, &Item::row);
    for (const Modality modality : kModalities) {
      std::vector<CodeSegment> segments;
      for (const CodeSpace& space : encoder.info().spaces)
        segments.push_back({space, modality, {}, CodeMatrix(0, space.bits)});
      for (std::size_t begin = 0; begin < items_.size(); begin += kChunk) {
        const auto chunk = std::span(items_).subspan(begin, std::min(kChunk, items_.size() - begin));
        const auto made = encoder.encode(chunk, modality, quiet);
        if (!made) return std::unexpected(made.error());
        for (std::size_t i = 0; i < segments.size(); ++i) {
          for (const std::size_t position : made->positions) segments[i].rows.push_back(chunk[position].row);
          segments[i].codes.append(made->codes[i]);
        }
        for (const std::size_t position : made->positions) coded.insert(chunk[position].row);
        progress_.advance(std::string("encoding new ") + modality_name(modality) + "s", begin + chunk.size(),
                          items_.size());
        if (progress_.stop_requested())
          return fail(ErrorCode::kUnavailable, "stopped on request", "the same command starts the update again");
      }
      for (const CodeSegment& segment : segments) {
        const auto path = code_file(*workspace_, outcome_.space, modality, segment.space.bits, outcome_.generation);
        std::error_code failure;
        std::filesystem::remove(path, failure);  // of an update that was killed
        if (segment.rows.empty()) continue;
        if (auto written = write_code_segment(path, segment); !written) return written;
        outcome_.new_codes += segment.rows.size();
      }
    }
    outcome_.new_items = coded.size();
    outcome_.encode_seconds = seconds_since(started);
    return {};
  }

  // model.json last: with it the new generation serves.
  Result<void> commit() {
    const auto files = generation_files(next());
    if (!files) return std::unexpected(files.error());
    std::error_code failure;
    for (const std::string& file : *files) {
      if (file == files->back()) {
        const auto model = read_text_file(next() / file, std::size_t{1} << 20);
        if (!model) return std::unexpected(model.error());
        if (auto written = write_file_atomically(folder() / file, std::string_view(*model)); !written) return written;
        continue;
      }
      std::filesystem::rename(next() / file, folder() / file, failure);
      if (failure) return fail(ErrorCode::kIo, (folder() / file).string() + ": " + failure.message());
    }
    std::filesystem::remove_all(next(), failure);
    return remove_superseded(folder());
  }

  bool is_new_item(ItemRow row) const {
    const auto found = std::ranges::lower_bound(items_, row, {}, &Item::row);
    return found != items_.end() && found->row == row;
  }

  void compare(const AllCodes& before, const AllCodes& after) {
    for (const auto& [key, old] : before) {
      const auto now = after.find(key);
      for (std::size_t i = 0; i < old->rows.size(); ++i) {
        if (is_new_item(old->rows[i])) continue;
        ++outcome_.old_codes;
        const auto* segment = now == after.end() ? nullptr : now->second.get();
        const auto found = segment ? std::ranges::lower_bound(segment->rows, old->rows[i]) : old->rows.end();
        const bool same =
            segment && found != segment->rows.end() && *found == old->rows[i] &&
            std::ranges::equal(segment->codes.row(static_cast<std::size_t>(found - segment->rows.begin())),
                               old->codes.row(i));
        if (!same) ++outcome_.old_codes_changed;
      }
    }
  }

  // Codes that took the place of the network's, of these items.
  struct Learned {
    const std::vector<Item>* items = nullptr;
    const std::vector<CodeMatrix>*image = nullptr, *text = nullptr;
  };

  std::unique_ptr<CodeSegment> measured_codes(const AllCodes& codes, Modality modality, const Learned& learned) const {
    const auto found = codes.find({modality, outcome_.measured_bits});
    if (found == codes.end()) return nullptr;
    auto copy = std::make_unique<CodeSegment>(*found->second);
    if (!learned.items) return copy;
    const auto length =
        static_cast<std::size_t>(std::ranges::find(outcome_.bits, outcome_.measured_bits) - outcome_.bits.begin());
    const CodeMatrix& made = (modality == Modality::kImage ? *learned.image : *learned.text)[length];
    for (std::size_t i = 0; i < learned.items->size(); ++i) {
      const auto row = std::ranges::lower_bound(copy->rows, (*learned.items)[i].row);
      if (row != copy->rows.end() && *row == (*learned.items)[i].row)
        std::ranges::copy(made.row(i), copy->codes.row(static_cast<std::size_t>(row - copy->rows.begin())).begin());
    }
    return copy;
  }

  using Figure = std::optional<double> UpdateMeasure::*;

  Result<void> measure(ItemEncoder& encoder, const AllCodes& codes, const Learned& learned, Figure of_old,
                       Figure of_new) {
    const auto started = Clock::now();
    const auto asking = split("query");
    const auto answering = split("database");
    if (!asking || !answering) {
      progress_.note("nothing is measured: the workspace has no query or no database split");
      return {};
    }
    UpdateQueries queries;
    for (const Item& item : *asking) {
      const bool is_new = carries_new(item);
      const bool is_old = std::ranges::any_of(
          item.labels, [&](const Label& label) { return counts(label) && known_.contains(label_name(label)); });
      if (!is_new && !is_old) continue;
      queries.items.push_back(item);
      queries.is_new.push_back(is_new);
    }
    outcome_.query_items_new = static_cast<std::size_t>(std::ranges::count(queries.is_new, true));
    outcome_.query_items_old = queries.items.size() - outcome_.query_items_new;
    const CodesOfHalves halves{measured_codes(codes, Modality::kImage, learned),
                               measured_codes(codes, Modality::kText, learned)};
    SilentProgress quiet;
    const auto measures =
        measure_update(*workspace_, queries, encoder, outcome_.measured_bits, *answering, halves, rule_, quiet);
    if (!measures) return std::unexpected(measures.error());
    if (outcome_.measures.empty())
      outcome_.measures = {{.direction = "i2t"}, {.direction = "t2i"}, {.direction = "mean"}};
    const auto i2t = measures->find("i2t");
    const auto t2i = measures->find("t2i");
    const auto put = [&](Figure figure, std::optional<double> OldAndNew::*kind) {
      std::optional<double> a, b;
      if (i2t != measures->end()) a = i2t->second.*kind;
      if (t2i != measures->end()) b = t2i->second.*kind;
      outcome_.measures[0].*figure = a;
      outcome_.measures[1].*figure = b;
      outcome_.measures[2].*figure = a && b ? std::optional((*a + *b) / 2) : a ? a : b;
    };
    put(of_old, &OldAndNew::of_old);
    put(of_new, &OldAndNew::of_new);
    outcome_.measure_seconds += seconds_since(started);
    return {};
  }

  std::filesystem::path root_;
  const UpdateRequest& request_;
  ProgressSink& progress_;
  std::unique_ptr<Workspace> workspace_;
  SpaceInfo info_;
  RelevanceRule rule_;
  std::set<std::string> known_;    // "column=value" that the space knows
  std::set<std::string> columns_;  // of these
  std::set<std::string> new_;      // "column=value" to learn
  std::vector<Item> items_;        // that get codes of the new generation
  UpdateOutcome outcome_;
};

}  // namespace

Result<UpdateOutcome> update(const std::filesystem::path& root, const UpdateRequest& request, ProgressSink& progress) {
  return Updating(root, request, progress).run();
}

}  // namespace warifu
