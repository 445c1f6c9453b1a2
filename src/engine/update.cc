#include "engine/update.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <span>
#include <utility>

#include "base/file.h"
#include "engine/code_files.h"
#include "engine/encode_items.h"
#include "engine/index_items.h"
#include "engine/new_items.h"
#include "engine/update_measures.h"
#include "methods/update.h"

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Codes that take the place of the network's, of these items: one matrix a length.
struct LearnedCodes {
  const std::vector<Item>* items = nullptr;  // ascending by row
  const std::vector<CodeMatrix>*image = nullptr, *text = nullptr;
};

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
    const auto lock = workspace_->lock_space(outcome_.space);
    if (!lock) return std::unexpected(lock.error());
    if (auto read = read_space(); !read) return std::unexpected(read.error());
    auto chosen = request_.items.empty() ? items_with_labels(*workspace_, outcome_.space, *known_, request_.new_labels)
                                         : items_of_source(*workspace_, outcome_.space, *known_, request_.items,
                                                           request_.ingest, progress_);
    if (!chosen) return std::unexpected(chosen.error());
    new_ = std::move(*chosen);
    if (auto done = update(); !done) return std::unexpected(done.error());
    outcome_.ingested = std::move(new_.ingested);
    outcome_.seconds = seconds_since(started);
    return std::move(outcome_);
  }

 private:
  std::filesystem::path folder() const { return workspace_->space_folder(outcome_.space); }
  std::filesystem::path next() const { return workspace_->root() / "spaces" / (".updating-" + outcome_.space); }

  // What has no code could not keep it: a space that was never indexed is indexed first.
  Result<void> open() {
    auto workspace = Workspace::open(root_);
    if (!workspace) return std::unexpected(workspace.error());
    workspace_ = std::make_unique<Workspace>(std::move(*workspace));
    std::string wanted = request_.space;
    if (wanted.empty() && workspace_->require_space("dlch")) wanted = "dlch";
    const auto name = workspace_->choose_space(wanted);
    if (!name) return std::unexpected(name.error());
    outcome_.space = *name;
    const auto info = read_space_info(folder());
    if (!info) return std::unexpected(info.error());
    if (auto can = check_updates(info->method); !can) return can;
    for (const Modality modality : {Modality::kImage, Modality::kText}) {
      const auto codes = load_codes(*workspace_, info->spaces.front(), modality);
      if (!codes) return std::unexpected(codes.error());
      if (*codes) return {};
    }
    progress_.note("space '" + outcome_.space + "' has no codes yet: the items are indexed first");
    const auto indexed = index_items(*workspace_, outcome_.space, progress_);
    if (!indexed) return std::unexpected(indexed.error());
    return {};
  }

  Result<void> read_space() {
    auto info = read_space_info(folder());
    if (!info) return std::unexpected(info.error());
    info_ = std::move(*info);
    const auto labels = space_labels(folder());
    if (!labels) return std::unexpected(labels.error());
    known_.emplace(*labels);
    outcome_.method = info_.method;
    outcome_.old_labels = labels->size();
    for (const CodeSpace& space : info_.spaces) outcome_.bits.push_back(space.bits);
    const bool has_64 = std::ranges::find(outcome_.bits, 64U) != outcome_.bits.end();
    const auto measured = choose_bits(info_, request_.bits == 0 && has_64 ? 64 : request_.bits);
    if (!measured) return std::unexpected(measured.error());
    outcome_.measured_bits = measured->bits;
    outcome_.relevance = request_.relevance;
    if (outcome_.relevance.empty())
      for (const std::string& column : known_->columns)
        outcome_.relevance += (outcome_.relevance.empty() ? "any:" : ",") + column;
    auto rule = RelevanceRule::parse(outcome_.relevance);
    if (!rule) return std::unexpected(rule.error());
    rule_ = std::move(*rule);
    return {};
  }

  Result<void> update() {
    const auto before = all_codes(*workspace_, info_);
    if (!before) return std::unexpected(before.error());
    NewPairs pairs;
    if (auto measured = measure_before(*before, pairs); !measured) return measured;
    choose_what_is_encoded(*before);

    std::error_code failure;
    std::filesystem::remove_all(next(), failure);
    const auto report =
        update_space(folder(), pairs.set, {request_.seed, request_.epochs, request_.settings}, next(), progress_);
    if (!report) return std::unexpected(report.error());
    outcome_.generation = report->generation;
    outcome_.new_labels = report->new_labels;
    outcome_.train_items = pairs.set.train.size();
    outcome_.train_seconds = report->train_seconds;
    auto encoder = ItemEncoder::open_directory(*workspace_, next());
    if (!encoder) return std::unexpected(encoder.error());
    if (auto encoded = encode(*encoder); !encoded) return encoded;
    if (auto committed = commit(); !committed) return committed;

    const auto after = all_codes(*workspace_, encoder->info());
    if (!after) return std::unexpected(after.error());
    compare(*before, *after);
    if (auto measured = measure(*encoder, *after, {}, &UpdateMeasure::old_after, &UpdateMeasure::new_after); !measured)
      return measured;
    const LearnedCodes learned{&pairs.items, &report->learned_image, &report->learned_text};
    return measure(*encoder, *after, learned, &UpdateMeasure::old_learned, &UpdateMeasure::new_learned);
  }

  // The present encoder ends with this: it holds the caches of features, which the next one writes, too.
  Result<void> measure_before(const AllCodes& before, NewPairs& pairs) {
    auto encoder = ItemEncoder::open(*workspace_, outcome_.space);
    if (!encoder) return std::unexpected(encoder.error());
    auto made = new_pairs(*workspace_, *known_, new_, *encoder, progress_);
    if (!made) return std::unexpected(made.error());
    pairs = std::move(*made);
    if (auto chosen = choose_queries(); !chosen) return chosen;
    return measure(*encoder, before, {}, &UpdateMeasure::old_before, &UpdateMeasure::new_before);
  }

  // Of the items that were named, those of new categories, and of a source those that have no code yet.
  void choose_what_is_encoded(const AllCodes& before) {
    const auto is_coded = [&](const Item& item) {
      return std::ranges::any_of(
          before, [&](const auto& one) { return std::ranges::binary_search(one.second->rows, item.row); });
    };
    std::erase_if(new_.items, [&](const Item& item) { return !new_.carries(item) && is_coded(item); });
  }

  // Codes of the next generation lie beside the others; nobody reads them until model.json says so.
  Result<void> encode(ItemEncoder& encoder) {
    const auto started = Clock::now();
    std::error_code failure;
    std::filesystem::create_directories(folder() / "codes", failure);
    if (failure) return fail(ErrorCode::kIo, (folder() / "codes").string() + ": " + failure.message());
    std::set<ItemRow> coded;
    for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth}) {
      const auto codes = encoder.encode_all(new_.items, modality,
                                            std::string("encoding new ") + modality_name(modality) + "s", progress_);
      if (!codes) return std::unexpected(codes.error());
      outcome_.failed.insert(outcome_.failed.end(), codes->failed.begin(), codes->failed.end());
      for (const CodeSegment& segment : codes->segments) {
        // What there is, is of an update that was killed.
        const auto place = code_folder(*workspace_, outcome_.space, modality, segment.space.bits, outcome_.generation);
        std::filesystem::remove_all(place, failure);
        if (!failure) std::filesystem::remove(old_code_file(place), failure);
        if (failure) return fail(ErrorCode::kIo, place.string() + ": " + failure.message());
        if (segment.rows.empty()) continue;
        if (auto saved = save_codes(*workspace_, segment, {}); !saved) return saved;
        outcome_.new_codes += segment.rows.size();
        coded.insert(segment.rows.begin(), segment.rows.end());
      }
    }
    outcome_.new_items = coded.size();
    outcome_.encode_seconds = seconds_since(started);
    return {};
  }

  // The state first: an entry of a generation to come means nothing yet. model.json last: with it the new generation
  // serves.
  Result<void> commit() {
    IndexState state = read_index_state(*workspace_, info_.spaces.front());
    state.fingerprint = info_.spaces.front().fingerprint;
    state.revisions[outcome_.generation] = new_.revision;
    if (auto written = write_index_state(*workspace_, outcome_.space, state); !written) return written;
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

  void compare(const AllCodes& before, const AllCodes& after) {
    for (const auto& [key, old] : before) {
      const auto now = after.find(key);
      for (std::size_t i = 0; i < old->rows.size(); ++i) {
        if (new_.contains(old->rows[i])) continue;
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

  // The codes of one half at the measured length, with those learned in the places of the network's.
  CodeSegment with_learned(const CodeSegment& codes, const LearnedCodes& learned) const {
    CodeSegment copy = codes;
    const auto length =
        static_cast<std::size_t>(std::ranges::find(outcome_.bits, outcome_.measured_bits) - outcome_.bits.begin());
    const CodeMatrix& made = (codes.modality == Modality::kImage ? *learned.image : *learned.text)[length];
    for (std::size_t i = 0; i < learned.items->size(); ++i) {
      const auto row = std::ranges::lower_bound(copy.rows, (*learned.items)[i].row);
      if (row != copy.rows.end() && *row == (*learned.items)[i].row)
        std::ranges::copy(made.row(i), copy.codes.row(static_cast<std::size_t>(row - copy.rows.begin())).begin());
    }
    return copy;
  }

  Result<std::vector<Item>> split(const std::string& name) const {
    const auto rows = workspace_->catalog().split(name);
    if (!rows) return std::unexpected(rows.error());
    return workspace_->catalog().items(*rows);
  }

  // Who asks and who answers in all measures: of known categories and of those that are learnt.
  Result<void> choose_queries() {
    auto asking = split("query");
    auto answering = split("database");
    if (!asking || !answering) {
      progress_.note("nothing is measured: the workspace has no query or no database split");
      return {};
    }
    UpdateQueries& queries = queries_.emplace();
    for (Item& item : *asking) {
      const bool is_new = new_.carries(item);
      if (!is_new && std::ranges::none_of(item.labels, [&](const Label& label) { return known_->knows(label); }))
        continue;
      queries.items.push_back(std::move(item));
      queries.is_new.push_back(is_new);
    }
    outcome_.query_items_new = static_cast<std::size_t>(std::ranges::count(queries.is_new, true));
    outcome_.query_items_old = queries.items.size() - outcome_.query_items_new;
    answering_ = std::move(*answering);
    return {};
  }

  using Figure = std::optional<double> UpdateMeasure::*;

  Result<void> measure(ItemEncoder& encoder, const AllCodes& codes, const LearnedCodes& learned, Figure of_old,
                       Figure of_new) {
    const auto started = Clock::now();
    if (!queries_) return {};
    std::map<Modality, CodeSegment> replaced;
    const auto half = [&](Modality modality) -> const CodeSegment* {
      const auto found = codes.find({modality, outcome_.measured_bits});
      if (found == codes.end()) return nullptr;
      if (!learned.items) return found->second.get();
      return &replaced.emplace(modality, with_learned(*found->second, learned)).first->second;
    };
    SilentProgress quiet;
    const auto measures = measure_update(*workspace_, *queries_, encoder, outcome_.measured_bits, answering_,
                                         {half(Modality::kImage), half(Modality::kText)}, rule_, quiet);
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
  std::optional<KnownLabels> known_;
  NewItems new_;
  std::optional<UpdateQueries> queries_;  // nothing: there is no such split
  std::vector<Item> answering_;
  UpdateOutcome outcome_;
};

}  // namespace

Result<UpdateOutcome> update(const std::filesystem::path& root, const UpdateRequest& request, ProgressSink& progress) {
  return Updating(root, request, progress).run();
}

}  // namespace warifu
