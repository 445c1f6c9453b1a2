#include "engine/evaluate_space.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>

#include "base/rng.h"
#include "engine/code_files.h"
#include "engine/encode_items.h"
#include "engine/trec_files.h"
#include "evaluate/label_ids.h"
#include "methods/method.h"

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Which half asks and which half answers.
struct Direction {
  const char* name;
  Modality query;
  Modality database;
};

std::vector<Direction> directions(const std::optional<Modality>& database) {
  constexpr Direction kImageToText{"i2t", Modality::kImage, Modality::kText};
  constexpr Direction kTextToImage{"t2i", Modality::kText, Modality::kImage};
  constexpr Direction kBoth{"both", Modality::kBoth, Modality::kBoth};
  if (!database) return {kImageToText, kTextToImage};
  switch (*database) {
    case Modality::kText:
      return {kImageToText};
    case Modality::kImage:
      return {kTextToImage};
    case Modality::kBoth:
      return {kBoth};
  }
  return {};
}

Result<std::vector<Item>> split_items(const Workspace& workspace, const std::string& split) {
  const auto rows = workspace.catalog().split(split);
  if (!rows) return std::unexpected(rows.error());
  auto items = workspace.catalog().items(*rows);
  if (items && items->empty())
    return fail(ErrorCode::kNotFound, "split '" + split + "' is empty", "see 'warifu status'");
  return items;
}

std::size_t count_shared(const std::vector<Item>& items, const Result<std::vector<ItemRow>>& rows) {
  if (!rows) return 0;
  return static_cast<std::size_t>(
      std::ranges::count_if(items, [&](const Item& item) { return std::ranges::binary_search(*rows, item.row); }));
}

// Those of `items` that have a code, and their codes in the same order.
struct CodedItems {
  std::vector<const Item*> items;
  CodeMatrix codes;
};

CodedItems coded(const std::vector<Item>& items, const CodeSegment& segment) {
  CodedItems result;
  std::vector<std::size_t> positions;
  for (const Item& item : items) {
    const auto found = std::ranges::lower_bound(segment.rows, item.row);
    if (found == segment.rows.end() || *found != item.row) continue;
    result.items.push_back(&item);
    positions.push_back(static_cast<std::size_t>(found - segment.rows.begin()));
  }
  result.codes = CodeMatrix(positions.size(), segment.codes.bits());
  for (std::size_t i = 0; i < positions.size(); ++i)
    std::ranges::copy(segment.codes.row(positions[i]), result.codes.row(i).begin());
  return result;
}

std::vector<ItemLabels> ids_of(LabelIndexer& indexer, const std::vector<const Item*>& items) {
  std::vector<ItemLabels> ids;
  ids.reserve(items.size());
  for (const Item* item : items) ids.push_back(indexer.ids_of(item->labels));
  return ids;
}

class Evaluation {
 public:
  Evaluation(const Workspace& workspace, const EvaluateRequest& request, ProgressSink& progress)
      : workspace_(workspace), request_(request), progress_(progress) {}

  Result<EvaluateReport> run() {
    if (auto opened = open(); !opened) return std::unexpected(opened.error());
    for (const Direction& direction : directions(request_.database))
      if (auto measured = request_.real ? measure_real(direction) : measure(direction); !measured)
        return std::unexpected(measured.error());
    return std::move(report_);
  }

 private:
  Result<void> open() {
    const auto started = Clock::now();
    if (request_.real && (!request_.bits.empty() || !request_.run_folder.empty()))
      return fail(ErrorCode::kInvalidArgument,
                  std::string("real values with ") + (request_.bits.empty() ? "--run-folder" : "--bits"),
                  "real values have no code length and no run files: leave it out, or --real");
    if (request_.real && request_.missing)
      return fail(ErrorCode::kInvalidArgument, "real values where a half is missing", "leave out --real, or --missing");
    const auto name = workspace_.choose_space(request_.space);
    if (!name) return std::unexpected(name.error());
    const auto info = read_space_info(workspace_.space_folder(*name));
    if (!info) return std::unexpected(info.error());
    if (request_.bits.empty()) {
      spaces_ = info->spaces;
    } else {
      for (const std::uint32_t bits : request_.bits) {
        const auto space = choose_bits(*info, bits);
        if (!space) return std::unexpected(space.error());
        spaces_.push_back(*space);
      }
    }
    auto rule = RelevanceRule::parse(request_.relevance);
    if (!rule) return std::unexpected(rule.error());
    rule_ = std::move(*rule);
    auto queries = split_items(workspace_, request_.query_split);
    if (!queries) return std::unexpected(queries.error());
    auto database = split_items(workspace_, request_.database_split);
    if (!database) return std::unexpected(database.error());
    queries_ = std::move(*queries);
    database_ = std::move(*database);
    const auto train = workspace_.catalog().split("train");
    if (!request_.train_in_database && train)
      std::erase_if(database_, [&](const Item& item) { return std::ranges::binary_search(*train, item.row); });
    if (database_.empty())
      return fail(ErrorCode::kInvalidArgument,
                  "every item of split '" + request_.database_split + "' is a train item, and none is left to answer",
                  "ingest with --splits that keep some apart, or leave out --train-in-database no");
    report_.space = *name;
    report_.method = info->method;
    report_.caveat = info->caveat;
    report_.relevance = request_.relevance;
    report_.database = request_.database ? modality_name(*request_.database) : "opposite";
    report_.fingerprint = info->spaces.front().fingerprint;
    report_.query_items = queries_.size();
    report_.database_items = database_.size();
    report_.train_in_database = count_shared(database_, train);
    report_.query_in_database = count_shared(database_, workspace_.catalog().split(request_.query_split));
    report_.load_seconds = seconds_since(started);
    if (!request_.real && !request_.missing && info->spaces.front().generation == 1) return {};
    auto encoder = ItemEncoder::open(workspace_, *name);
    if (!encoder) return std::unexpected(encoder.error());
    encoder_.emplace(std::move(*encoder));
    return request_.missing ? take_missing(info->method) : Result<void>();
  }

  Result<void> measure_real(const Direction& direction) {
    const auto loading = Clock::now();
    auto queries = rows_of(direction.query, queries_, request_.query_split);
    if (!queries) return std::unexpected(queries.error());
    auto database = rows_of(direction.database, database_, request_.database_split);
    if (!database) return std::unexpected(database.error());
    report_.load_seconds += seconds_since(loading);
    const auto relating = Clock::now();
    const auto truth = relate(queries->items, database->items);
    if (!truth) return std::unexpected(truth.error());
    report_.relevance_seconds += seconds_since(relating);
    const auto ranking = Clock::now();
    report_.random.push_back({direction.name, 0, evaluate_random(**truth, request_.metrics)});
    report_.results.push_back({direction.name, 0,
                               evaluate_embeddings(queries->rows, database->rows, **truth, request_.metrics),
                               queries->rows.cols()});
    report_.evaluate_seconds += seconds_since(ranking);
    return {};
  }

  Result<void> take_missing(const std::string& method) {
    if (request_.database != Modality::kBoth)
      return fail(ErrorCode::kInvalidArgument, "a missing half is missing from codes of both",
                  "add --database both, or leave --missing out");
    if (!encoder_->encoder().bears_missing_half())
      return fail(ErrorCode::kInvalidArgument, "method " + method + " makes no code of both where a half is missing",
                  "train a space with --method dmmh");
    report_.missing = modality_name(*request_.missing);
    report_.missing_share = request_.missing_share;
    return {};
  }

  // Codes of both of `items`, at all lengths, where a share of them lacks a half.
  Result<EncodedItems> encode_with_missing(const std::vector<Item>& items) {
    auto content = encoder_->inputs(items, Modality::kBoth, progress_);
    if (!content) return std::unexpected(content.error());
    auto& inputs = content->inputs;
    std::vector<std::size_t> order(inputs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    Rng rng(request_.metrics.seed);
    shuffle(std::span(order), rng);
    order.resize(static_cast<std::size_t>(request_.missing_share * static_cast<double>(inputs.size())));
    EncodedItems result;
    std::vector<EncoderInput> kept;
    for (const std::size_t i : order) {
      if (request_.missing == Modality::kImage) {
        inputs[i].picture = nullptr;
        inputs[i].image_features = {};
      } else {
        inputs[i].text.reset();
        inputs[i].text_features = {};
      }
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const EncoderInput& input = inputs[i];
      if (!input.picture && input.image_features.empty() && !input.text && input.text_features.empty()) continue;
      kept.push_back(input);
      result.positions.push_back(content->positions[i]);
    }
    auto codes = encoder_->encoder().encode(kept, Modality::kBoth);
    if (!codes) return std::unexpected(codes.error());
    result.codes = std::move(*codes);
    return result;
  }

  Result<void> measure(const Direction& direction) {
    std::unique_ptr<RelevanceMatrix> truth;  // the same for all lengths: they code the same items
    std::pair<std::vector<const Item*>, std::vector<const Item*>> related;
    for (const CodeSpace& space : spaces_) {
      const auto loading = Clock::now();
      // A user's query is encoded by the present model; in an updated space the index may hold codes of an earlier one.
      auto queries = encoder_ ? codes_now(space, direction.query, queries_, request_.query_split)
                              : codes_indexed(space, direction.query, queries_, request_.query_split);
      if (!queries) return std::unexpected(queries.error());
      auto database = request_.missing ? codes_now(space, direction.database, database_, request_.database_split)
                                       : codes_indexed(space, direction.database, database_, request_.database_split);
      if (!database) return std::unexpected(database.error());
      report_.load_seconds += seconds_since(loading);
      if (!truth) {
        const auto relating = Clock::now();
        auto made = relate(queries->items, database->items);
        if (!made) return std::unexpected(made.error());
        truth = std::move(*made);
        related = {queries->items, database->items};
        report_.relevance_seconds += seconds_since(relating);
        const auto ranking = Clock::now();
        report_.random.push_back({direction.name, 0, evaluate_random(*truth, request_.metrics)});
        report_.evaluate_seconds += seconds_since(ranking);
      }
      if (related != std::pair(queries->items, database->items))
        return fail(ErrorCode::kUnavailable,
                    "the codes of " + std::to_string(space.bits) + " bits in space '" + space.name +
                        "' are of other items than those of " + std::to_string(spaces_.front().bits) + " bits",
                    "an index run is at work or was interrupted: run 'warifu index --space " + space.name + "'");
      const auto ranking = Clock::now();
      report_.results.push_back(
          {direction.name, space.bits, evaluate_codes(queries->codes, database->codes, *truth, request_.metrics)});
      report_.evaluate_seconds += seconds_since(ranking);
      report_.code_bytes_per_item[space.bits] = static_cast<double>((space.bits + 7) / 8);
      if (request_.run_folder.empty()) continue;
      auto written = write_trec_files({request_.run_folder, direction.name, space, report_.caveat, request_.run_depth},
                                      queries->items, queries->codes, database->items, database->codes, *truth);
      if (!written) return std::unexpected(written.error());
      for (auto& file : *written)
        if (std::ranges::find(report_.files, file) == report_.files.end()) report_.files.push_back(std::move(file));
    }
    return {};
  }

  // Made by the present model, as if the items were new.
  Result<CodedItems> codes_now(const CodeSpace& space, Modality modality, const std::vector<Item>& items,
                               const std::string& split) {
    auto found = encoded_.find({modality, &items});
    if (found == encoded_.end()) {
      SilentProgress quiet;
      auto made = request_.missing ? encode_with_missing(items) : encoder_->encode(items, modality, quiet);
      if (!made) return std::unexpected(made.error());
      found = encoded_.emplace(std::pair(modality, &items), std::move(*made)).first;
    }
    const EncodedItems& encoded = found->second;
    CodedItems result;
    for (const std::size_t position : encoded.positions) result.items.push_back(&items[position]);
    const auto lengths = encoder_->encoder().spaces();
    result.codes = encoded.codes[static_cast<std::size_t>(std::ranges::find(lengths, space.bits, &CodeSpace::bits) -
                                                          lengths.begin())];
    return checked(std::move(result), space, modality, items, split);
  }

  Result<CodedItems> codes_indexed(const CodeSpace& space, Modality modality, const std::vector<Item>& items,
                                   const std::string& split) {
    const auto segment = load_codes(workspace_, space, modality);
    if (!segment) return std::unexpected(segment.error());
    return checked(*segment ? coded(items, **segment) : CodedItems(), space, modality, items, split);
  }

  // Some of the wanted items must have a code; who has none is told once.
  Result<CodedItems> checked(CodedItems result, const CodeSpace& space, Modality modality,
                             const std::vector<Item>& items, const std::string& split) {
    if (result.items.empty())
      return fail(ErrorCode::kNotFound,
                  "no item of split '" + split + "' has a code of its " + modality_name(modality) + " in space '" +
                      space.name + "'",
                  "run 'warifu index --space " + space.name + "'");
    if (result.items.size() < items.size() && noted_.insert({modality, &items}).second)
      progress_.note(std::to_string(items.size() - result.items.size()) + " items of split '" + split + "' have no " +
                     modality_name(modality) + " code and are left out");
    return result;
  }

  // Those of `items` that have the content, and where they lie in the common space.
  struct RealItems {
    std::vector<const Item*> items;
    FloatMatrix rows;
  };

  Result<RealItems> rows_of(Modality modality, const std::vector<Item>& items, const std::string& split) {
    auto embedded = encoder_->embed(items, modality, progress_);
    if (!embedded) return std::unexpected(embedded.error());
    if (embedded->positions.empty())
      return fail(ErrorCode::kNotFound, "no item of split '" + split + "' has a " + modality_name(modality),
                  "see 'warifu status'");
    if (embedded->positions.size() < items.size() && noted_.insert({modality, &items}).second)
      progress_.note(std::to_string(items.size() - embedded->positions.size()) + " items of split '" + split +
                     "' have no " + modality_name(modality) + " and are left out");
    RealItems result{{}, std::move(embedded->rows)};
    for (const std::size_t position : embedded->positions) result.items.push_back(&items[position]);
    return result;
  }

  Result<std::unique_ptr<RelevanceMatrix>> relate(const std::vector<const Item*>& queries,
                                                  const std::vector<const Item*>& database) const {
    const auto columns = workspace_.catalog().label_columns();
    if (!columns) return std::unexpected(columns.error());
    auto indexer = LabelIndexer::create(rule_, *columns);
    if (!indexer) return std::unexpected(indexer.error());
    const auto query_labels = ids_of(*indexer, queries);
    const auto database_labels = ids_of(*indexer, database);
    return std::make_unique<RelevanceMatrix>(relevance(query_labels, database_labels, rule_.kind));
  }

  const Workspace& workspace_;
  const EvaluateRequest& request_;
  ProgressSink& progress_;
  std::vector<CodeSpace> spaces_;
  RelevanceRule rule_;
  std::vector<Item> queries_;
  std::vector<Item> database_;
  std::optional<ItemEncoder> encoder_;  // where codes or real values are made now
  std::map<std::pair<Modality, const std::vector<Item>*>, EncodedItems> encoded_;  // by it, of queries_ and database_
  std::set<std::pair<Modality, const std::vector<Item>*>> noted_;  // of which it was said that items lack a code
  EvaluateReport report_;
};

}  // namespace

Result<EvaluateReport> evaluate_space(const Workspace& workspace, const EvaluateRequest& request,
                                      ProgressSink& progress) {
  return Evaluation(workspace, request, progress).run();
}

}  // namespace warifu
