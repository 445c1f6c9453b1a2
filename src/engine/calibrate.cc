#include "engine/calibrate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <iterator>
#include <optional>

#include "base/join.h"
#include "base/rng.h"
#include "engine/find_items.h"
#include "engine/train.h"
#include "evaluate/label_ids.h"
#include "evaluate/relevance.h"
#include "io/record_checks.h"
#include "io/text_lines.h"
#include "text/normalize.h"

namespace warifu {
namespace {

using Example = ConfidenceModel::Example;

constexpr std::size_t kHitsLearntFrom = 20;  // of each query
constexpr std::size_t kDepth = 1000;         // of the rankings that weights are chosen by
constexpr std::array kWordWeights = {0.0, 0.25, 0.5, 1.0, 2.0, 4.0};

bool has_all(const Item& item, const std::vector<Label>& labels) {
  return std::ranges::all_of(
      labels, [&](const Label& label) { return std::ranges::find(item.labels, label) != item.labels.end(); });
}

// Whether a hit is right: it shares label values by the rule, or it is the item itself.
class Judge {
 public:
  static Result<Judge> create(const Workspace& workspace, const std::string& relevance) {
    Judge judge;
    auto rule = RelevanceRule::parse(relevance);
    if (!rule) return std::unexpected(rule.error());
    const auto columns = workspace.catalog().label_columns();
    if (!columns) return std::unexpected(columns.error());
    judge.all_ = rule->kind == RelevanceRule::Kind::kAll;
    if (columns->empty()) return judge;
    const auto indexer = LabelIndexer::create(*rule, *columns);
    if (!indexer) return std::unexpected(indexer.error());
    judge.columns_ = indexer->columns();
    return judge;
  }

  const std::vector<std::string>& columns() const { return columns_; }
  bool by_labels() const { return !columns_.empty(); }

  bool right(const Item& asked, const Item& hit) const {
    if (!by_labels()) return asked.row == hit.row;
    const auto shares = [&](const std::string& column) {
      return std::ranges::any_of(asked.labels, [&](const Label& label) {
        return label.column == column && std::ranges::find(hit.labels, label) != hit.labels.end();
      });
    };
    return all_ ? std::ranges::all_of(columns_, shares) : std::ranges::any_of(columns_, shares);
  }

 private:
  std::vector<std::string> columns_;  // empty: nothing has labels
  bool all_ = false;
};

// Precision averaged over the right hits of a ranking cut at kDepth, over as many as there could be.
double average_precision(const std::vector<bool>& right, std::size_t relevant) {
  if (relevant == 0) return 0;
  double found = 0;
  double sum = 0;
  for (std::size_t i = 0; i < right.size(); ++i)
    if (right[i]) sum += ++found / static_cast<double>(i + 1);
  return sum / static_cast<double>(std::min(relevant, kDepth));
}

class Calibration {
 public:
  Calibration(const Workspace& workspace, const CalibrateRequest& request, ProgressSink& progress)
      : workspace_(workspace), request_(request), progress_(progress) {}

  Result<CalibrateReport> run() {
    if (auto opened = open(); !opened) return std::unexpected(opened.error());
    if (auto chosen = choose_weight(); !chosen) return std::unexpected(chosen.error());
    if (auto asked = ask_all(); !asked) return std::unexpected(asked.error());
    auto model = ConfidenceModel::fit(joined(halves_[0], halves_[1]));
    if (!model) return std::unexpected(model.error());
    model->word_weight = report_.word_weight;
    model->fingerprint = finder_->space().fingerprint;
    measure();
    if (auto saved = model->save(workspace_.space_folder(report_.space) / kConfidenceFile); !saved)
      return std::unexpected(saved.error());
    return std::move(report_);
  }

 private:
  static std::vector<Example> joined(const std::vector<Example>& a, const std::vector<Example>& b) {
    std::vector<Example> all = a;
    all.insert(all.end(), b.begin(), b.end());
    return all;
  }

  Result<void> open() {
    auto finder = Finder::open(workspace_, request_.space, request_.bits);
    if (!finder) return std::unexpected(finder.error());
    finder_.emplace(std::move(*finder));
    report_.space = finder_->space().name;
    report_.bits = finder_->space().bits;
    auto judge = Judge::create(workspace_, request_.relevance);
    if (!judge) return std::unexpected(judge.error());
    judge_.emplace(std::move(*judge));
    const auto ids = held_out_ids();
    if (!ids) return std::unexpected(ids.error());
    if (ids->empty())
      return fail(ErrorCode::kNotFound,
                  "training held nothing out of space '" + report_.space + "' that could be learnt from",
                  "train the space again; with fewer than ten items nothing is held out");
    for (const std::string& id : *ids) {
      auto item = workspace_.catalog().find(id);
      if (!item) return std::unexpected(item.error());
      if (*item) asking_.push_back(std::move(**item));
    }
    report_.items = asking_.size();
    return load_database();
  }

  // None where the space has no list of them.
  Result<std::vector<std::string>> held_out_ids() const {
    std::vector<std::string> ids;
    auto lines = TextLines::open(workspace_.space_folder(report_.space) / kHeldOutItems, kMaxIdBytes);
    if (!lines && lines.error().code == ErrorCode::kNotFound) return ids;
    if (!lines) return std::unexpected(lines.error());
    for (TextLine line;;) {
      const auto more = lines->next(line);
      if (!more) return std::unexpected(more.error());
      if (!*more) return ids;
      ids.emplace_back(line.text);
    }
  }

  // Everything but the query split, which nothing is chosen on.
  Result<void> load_database() {
    auto items = workspace_.catalog().all_items();
    if (!items) return std::unexpected(items.error());
    const auto queries = workspace_.catalog().split("query");
    std::vector<ItemRow> rows;
    for (Item& item : *items) {
      if (queries && std::ranges::binary_search(*queries, item.row)) continue;
      rows.push_back(item.row);
      database_.emplace(item.row, std::move(item));
    }
    filter_ = RowFilter(rows);
    return {};
  }

  Result<HybridRequest> request_of(const WordQuery& query) {
    HybridRequest request;
    request.filter = filter_;
    if (judge_->by_labels()) request.except = query.of;
    request.words = keyword_query(query.text);
    auto code = finder_->encode({.text = query.text, .picture = {}, .wants_embedding = false});
    if (!code) return std::unexpected(code.error());
    request.codes.push_back({"code", std::move(code->code), 1});
    return request;
  }

  bool is_right(const WordQuery& query, ItemRow row) const {
    if (query.labels.empty()) return row == query.of;
    return has_all(database_.at(row), query.labels);
  }

  std::size_t relevant_to(const WordQuery& query) const {
    if (query.labels.empty()) return 1;
    return static_cast<std::size_t>(std::ranges::count_if(
        database_, [&](const auto& entry) { return entry.first != query.of && has_all(entry.second, query.labels); }));
  }

  Result<void> choose_weight() {
    words_ = draw_word_queries(asking_, judge_->columns(), request_.seed);
    for (std::size_t q = 0; q < words_.size(); ++q) {
      auto request = request_of(words_[q]);
      if (!request) return std::unexpected(request.error());
      request->depth = kDepth;
      const std::size_t relevant = relevant_to(words_[q]);
      for (const double weight : kWordWeights) {
        request->word_weight = weight;
        const auto found = finder_->hybrid(*request);
        if (!found) return std::unexpected(found.error());
        std::vector<bool> right;
        for (const HybridHit& hit : found->hits) right.push_back(is_right(words_[q], hit.row));
        right.resize(std::min(right.size(), kDepth));
        report_.map_by_word_weight[weight] += average_precision(right, relevant) / static_cast<double>(words_.size());
      }
      progress_.advance("weighing", q + 1, words_.size());
      if (progress_.stop_requested()) return fail(ErrorCode::kUnavailable, "stopped on request");
    }
    // Of equal ones the one nearest to the usual 1.
    double best = -1;
    for (const auto& [weight, map] : report_.map_by_word_weight)
      if (map > best + 1e-9 || (map > best - 1e-9 && std::abs(weight - 1) < std::abs(report_.word_weight - 1))) {
        best = std::max(map, best);
        report_.word_weight = weight;
      }
    return {};
  }

  Result<void> learn_from(const HybridRequest& request, std::size_t half, bool by_text, bool by_picture,
                          const std::function<bool(ItemRow)>& right) {
    const auto found = finder_->hybrid(request);
    if (!found) return std::unexpected(found.error());
    ++report_.queries;
    for (std::size_t i = 0; i < std::min(found->hits.size(), kHitsLearntFrom); ++i) {
      const HybridHit& hit = found->hits[i];
      halves_[half].push_back(
          {evidence_of(hit, *found, request, finder_->searcher(), by_text, by_picture), right(hit.row)});
      ++report_.hits;
    }
    return {};
  }

  Result<void> ask_all() {
    for (std::size_t q = 0; q < words_.size(); ++q) {
      auto request = request_of(words_[q]);
      if (!request) return std::unexpected(request.error());
      request->word_weight = report_.word_weight;
      if (auto learnt = learn_from(*request, q % 2, true, false, [&](ItemRow row) { return is_right(words_[q], row); });
          !learnt)
        return learnt;
      progress_.advance("asking by words", q + 1, words_.size());
    }
    for (std::size_t i = 0; i < asking_.size(); ++i) {
      HybridRequest request;
      request.filter = filter_;
      if (judge_->by_labels()) request.except = asking_[i].row;
      auto code = finder_->searcher().stored_code(asking_[i].row, Find::kImage);
      if (!code && code.error().code == ErrorCode::kNotFound) continue;
      if (!code) return std::unexpected(code.error());
      request.codes.push_back({"code", std::move(*code), 1});
      const auto right = [&](ItemRow row) { return judge_->right(asking_[i], database_.at(row)); };
      if (auto learnt = learn_from(request, i % 2, false, true, right); !learnt) return learnt;
      progress_.advance("asking by pictures", i + 1, asking_.size());
    }
    return {};
  }

  void measure() {
    std::vector<ReliabilityBin> curve;
    for (const std::size_t half : {std::size_t{0}, std::size_t{1}}) {
      const auto model = ConfidenceModel::fit(halves_[half]);
      if (!model) continue;
      for (const ReliabilityBin& bin : reliability(*model, halves_[1 - half])) curve.push_back(bin);
    }
    std::ranges::sort(curve, {}, &ReliabilityBin::predicted);
    report_.reliability = std::move(curve);
    report_.calibration_error = expected_calibration_error(report_.reliability);
  }

  const Workspace& workspace_;
  const CalibrateRequest& request_;
  ProgressSink& progress_;
  std::optional<Finder> finder_;
  std::optional<Judge> judge_;
  std::vector<Item> asking_;
  std::map<ItemRow, Item> database_;
  RowFilter filter_;
  std::vector<WordQuery> words_;
  std::array<std::vector<Example>, 2> halves_;
  CalibrateReport report_;
};

}  // namespace

std::vector<WordQuery> draw_word_queries(const std::vector<Item>& items, const std::vector<std::string>& columns,
                                         std::uint64_t seed) {
  std::vector<WordQuery> queries;
  Rng rng(seed);
  for (const Item& item : items) {
    WordQuery query;
    query.of = item.row;
    for (const Label& label : item.labels)
      if (columns.empty() || std::ranges::find(columns, label.column) != columns.end()) query.labels.push_back(label);
    std::vector<std::string> words;
    if (query.labels.empty() && item.text) words = split_words(*item.text);
    const std::size_t wanted = 1 + static_cast<std::size_t>(rng.below(3));
    if (!query.labels.empty()) {
      shuffle(std::span(query.labels), rng);
      query.labels.resize(std::min(query.labels.size(), wanted));
      for (const Label& label : query.labels) words.push_back(lower_case(label.value));
    } else {
      shuffle(std::span(words), rng);
      words.resize(std::min(words.size(), wanted));
    }
    if (words.empty()) continue;
    for (const std::string& word : words) query.text += (query.text.empty() ? "" : " ") + word;
    queries.push_back(std::move(query));
  }
  return queries;
}

Result<CalibrateReport> calibrate(const Workspace& workspace, const CalibrateRequest& request, ProgressSink& progress) {
  return Calibration(workspace, request, progress).run();
}

}  // namespace warifu
