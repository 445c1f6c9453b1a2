#include <algorithm>

#include "engine/evaluations.h"
#include "engine/running_service.h"
#include "engine/status.h"

// The part of RunningService that shows administrators what there is.
namespace warifu {

Result<std::vector<nlohmann::ordered_json>> RunningService::evaluations(const Principal& principal) {
  if (auto allowed = require(principal, Scope::kAdmin); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  return kept_evaluations(**reader);
}

Result<ServiceCollection> RunningService::collection(const Principal& principal) {
  if (auto allowed = require(principal, Scope::kAdmin); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  const Catalog& catalog = (*reader)->catalog();
  ServiceCollection collection;
  const auto counts = catalog.counts();
  if (!counts) return std::unexpected(counts.error());
  collection.counts = *counts;
  auto splits = split_sizes(catalog);
  if (!splits) return std::unexpected(splits.error());
  collection.splits = std::move(*splits);
  auto columns = catalog.value_columns();
  if (!columns) return std::unexpected(columns.error());
  collection.columns = std::move(*columns);
  auto groups = catalog.group_sizes();
  if (!groups) return std::unexpected(groups.error());
  collection.groups = std::move(*groups);
  collection.anonymised = anonymiser_.has_value();
  return collection;
}

Result<std::vector<Rejection>> RunningService::rejections(const Principal& principal, std::size_t limit) {
  if (auto allowed = require(principal, Scope::kAdmin); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  return (*reader)->catalog().rejections(limit);
}

}  // namespace warifu
