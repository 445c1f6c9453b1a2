#include "engine/splits.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "base/rng.h"
#include "engine/ingest.h"
#include "io/split_files.h"

namespace warifu {
namespace {

constexpr std::string_view kDrawnKey = "splits_drawn_by_seed";  // catalog meta: the seed, while splits are drawn

// A tenth of the items ask, the rest answer and are learnt from.
bool drawn_as_query(std::string_view id, std::uint64_t seed) {
  std::uint64_t hash = 0xCBF29CE484222325ULL ^ seed;  // FNV-1a, then mixed
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return Rng(hash).below(10) == 0;
}

Result<void> draw(Catalog& catalog, std::uint64_t seed) {
  const auto items = catalog.all_items();
  if (!items) return std::unexpected(items.error());
  std::vector<ItemRow> query;
  std::vector<ItemRow> rest;
  for (const Item& item : *items) (drawn_as_query(item.id, seed) ? query : rest).push_back(item.row);
  if (auto set = catalog.set_split("query", query); !set) return set;
  if (auto set = catalog.set_split("database", rest); !set) return set;
  if (auto set = catalog.set_split("train", rest); !set) return set;
  return catalog.set_meta(kDrawnKey, std::to_string(seed));
}

Result<void> read(Catalog& catalog, const std::filesystem::path& folder, IngestReport& report) {
  const auto splits = read_splits(folder);
  if (!splits) return std::unexpected(splits.error());
  const auto items = catalog.all_items();
  if (!items) return std::unexpected(items.error());
  std::unordered_map<std::string_view, ItemRow> row_of;
  for (const Item& item : *items) row_of.emplace(item.id, item.row);
  for (const auto& [name, ids] : *splits) {
    std::vector<ItemRow> rows;
    std::string first_unknown;
    std::size_t unknown = 0;
    for (const std::string& id : ids) {
      const auto found = row_of.find(id);
      if (found != row_of.end()) {
        rows.push_back(found->second);
      } else if (unknown++ == 0) {
        first_unknown = id;
      }
    }
    std::ranges::sort(rows);
    const auto repeats = std::ranges::unique(rows);
    rows.erase(repeats.begin(), repeats.end());
    const std::string place = (folder / (name + ".txt")).string();
    if (unknown > 0) {
      const Rejection rejection{place,
                                std::to_string(unknown) + " of " + std::to_string(ids.size()) +
                                    " ids name no item (the first is '" + first_unknown + "')",
                                "see whether those items were rejected above, or whether the file is of other data"};
      report.rejected.push_back(rejection);
      report.unknown_split_ids += unknown;
      if (auto put = catalog.put_rejection(rejection); !put) return put;
    } else if (auto cleared = catalog.clear_rejection(place); !cleared) {
      return cleared;
    }
    if (auto set = catalog.set_split(name, rows); !set) return set;
  }
  return catalog.set_meta(kDrawnKey, "");
}

}  // namespace

Result<void> check_splits(const std::filesystem::path& folder) {
  const auto splits = read_splits(folder);
  if (!splits) return std::unexpected(splits.error());
  return {};
}

Result<void> assign_splits(Catalog& catalog, const std::filesystem::path& folder, std::uint64_t seed,
                           IngestReport& report) {
  const auto names = catalog.split_names();
  if (!names) return std::unexpected(names.error());
  const auto drawn = catalog.meta(kDrawnKey);
  if (!drawn) return std::unexpected(drawn.error());
  const bool were_drawn = *drawn && !(*drawn)->empty();
  if (!folder.empty()) {
    if (auto done = read(catalog, folder, report); !done) return done;
  } else if (names->empty() || were_drawn) {
    // An item stays on its side: the first run's seed holds for all later ones.
    if (auto done = draw(catalog, were_drawn ? std::stoull(**drawn) : seed); !done) return done;
  }
  const auto now = catalog.split_names();
  if (!now) return std::unexpected(now.error());
  for (const std::string& name : *now) {
    const auto rows = catalog.split(name);
    if (!rows) return std::unexpected(rows.error());
    report.splits[name] = rows->size();
  }
  return {};
}

}  // namespace warifu
