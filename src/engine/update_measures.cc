#include "engine/update_measures.h"

#include <algorithm>
#include <cmath>

#include "engine/code_files.h"
#include "evaluate/evaluate.h"
#include "evaluate/label_ids.h"

namespace warifu {
namespace {

std::optional<double> mean_of(const std::vector<double>& precision, const std::vector<bool>& is_new, bool wanted) {
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < precision.size(); ++i) {
    if (is_new[i] != wanted || std::isnan(precision[i])) continue;
    sum += precision[i];
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

}  // namespace

Result<AllCodes> all_codes(const Workspace& workspace, const SpaceInfo& info) {
  AllCodes codes;
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth})
    for (const CodeSpace& space : info.spaces) {
      auto loaded = load_codes(workspace, space, modality);
      if (!loaded) return std::unexpected(loaded.error());
      if (*loaded) codes[{modality, space.bits}] = std::move(*loaded);
    }
  return codes;
}

Result<std::map<std::string, OldAndNew>> measure_update(const Workspace& workspace, const UpdateQueries& queries,
                                                        ItemEncoder& encoder, std::uint32_t bits,
                                                        const std::vector<Item>& database, const CodesOfHalves& codes,
                                                        const RelevanceRule& rule, ProgressSink& progress) {
  const auto columns = workspace.catalog().label_columns();
  if (!columns) return std::unexpected(columns.error());
  const auto spaces = encoder.encoder().spaces();
  const auto length = std::ranges::find(spaces, bits, &CodeSpace::bits) - spaces.begin();
  std::map<std::string, OldAndNew> measures;
  for (const Modality asks : {Modality::kImage, Modality::kText}) {
    const CodeSegment* answers = asks == Modality::kImage ? codes.text : codes.image;
    if (!answers || queries.items.empty()) continue;
    const auto encoded = encoder.encode(queries.items, asks, progress);
    if (!encoded) return std::unexpected(encoded.error());
    auto indexer = LabelIndexer::create(rule, *columns);
    if (!indexer) return std::unexpected(indexer.error());
    std::vector<ItemLabels> query_labels;
    std::vector<bool> is_new;
    for (const std::size_t position : encoded->positions) {
      query_labels.push_back(indexer->ids_of(queries.items[position].labels));
      is_new.push_back(queries.is_new[position]);
    }
    std::vector<ItemLabels> database_labels;
    std::vector<std::size_t> rows;
    for (const Item& item : database) {
      const auto found = std::ranges::lower_bound(answers->rows, item.row);
      if (found == answers->rows.end() || *found != item.row) continue;
      rows.push_back(static_cast<std::size_t>(found - answers->rows.begin()));
      database_labels.push_back(indexer->ids_of(item.labels));
    }
    if (rows.empty() || query_labels.empty()) continue;
    CodeMatrix database_codes(rows.size(), bits);
    for (std::size_t i = 0; i < rows.size(); ++i)
      std::ranges::copy(answers->codes.row(rows[i]), database_codes.row(i).begin());
    const auto metrics =
        evaluate_codes(encoded->codes[static_cast<std::size_t>(length)], database_codes,
                       relevance(query_labels, database_labels, rule.kind), {.cutoffs = {1}, .bootstrap_samples = 0});
    measures[asks == Modality::kImage ? "i2t" : "t2i"] = {mean_of(metrics.average_precision, is_new, false),
                                                          mean_of(metrics.average_precision, is_new, true)};
  }
  return measures;
}

}  // namespace warifu
