#include "engine/item_embeddings.h"

#include <unordered_set>

#include "base/hash.h"

namespace warifu {
namespace {

constexpr std::size_t kAtOnce = 256;

std::size_t place_of(Modality half) { return half == Modality::kText ? 1 : 0; }

std::string key_of(const Item& item, Modality half) {
  if (half == Modality::kImage && !item.image_hash.empty()) return item.image_hash;
  if (half == Modality::kText && item.text) return content_hash(*item.text);
  return "given:" + std::to_string(item.revision) + ":" + item.id;  // features alone
}

}  // namespace

Result<std::unique_ptr<ItemEmbeddings>> ItemEmbeddings::open(const Workspace& workspace, const SpaceInfo& info) {
  auto embeddings = std::make_unique<ItemEmbeddings>();
  const CodeSpace& space = info.spaces.front();
  for (const Modality half : kHalves) {
    auto store = workspace.tower_features("embedding-" + space.fingerprint + "-g" + std::to_string(space.generation) +
                                          "-" + modality_name(half));
    if (!store) return std::unexpected(store.error());
    embeddings->stores_[place_of(half)] = std::move(*store);
  }
  return embeddings;
}

Result<void> ItemEmbeddings::fill(ItemEncoder& encoder, std::span<const Item> items, ProgressSink& progress) {
  for (const Modality half : kHalves) {
    FeatureStore& store = *stores_[place_of(half)];
    std::vector<Item> missing;
    std::unordered_set<std::string> keys;
    for (const Item& item : items)
      if (encoder.has(item, half) && !store.contains(key_of(item, half)) && keys.insert(key_of(item, half)).second)
        missing.push_back(item);
    SilentProgress silent;
    for (std::size_t begin = 0; begin < missing.size(); begin += kAtOnce) {
      const std::size_t end = std::min(begin + kAtOnce, missing.size());
      const auto some = std::span(missing).subspan(begin, end - begin);
      const auto embedded = encoder.embed(some, half, silent);
      if (!embedded) return std::unexpected(embedded.error());
      std::vector<std::string> names;
      for (const std::size_t position : embedded->positions) names.push_back(key_of(some[position], half));
      if (!names.empty()) {
        const std::lock_guard lock(mutex_);
        if (auto added = store.append(names, embedded->rows); !added) return added;
      }
      progress.advance("embedding", end, missing.size());
      if (progress.stop_requested()) return fail(ErrorCode::kUnavailable, "stopped on request");
    }
    if (missing.empty()) continue;
    const std::lock_guard lock(mutex_);
    if (auto flushed = store.flush(); !flushed) return flushed;
  }
  return {};
}

Result<std::vector<std::optional<double>>> ItemEmbeddings::similarities(std::span<const float> query,
                                                                        std::span<const Item> items,
                                                                        std::span<const Modality> halves) const {
  std::vector<std::optional<double>> result(items.size());
  const std::lock_guard lock(mutex_);
  for (const Modality half : kHalves) {
    const FeatureStore& store = *stores_[place_of(half)];
    if (store.cols() != query.size()) continue;
    std::vector<std::size_t> places;
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (place_of(halves[i]) != place_of(half)) continue;
      std::string key = key_of(items[i], half);
      if (!store.contains(key)) continue;
      places.push_back(i);
      keys.push_back(std::move(key));
    }
    if (keys.empty()) continue;
    const auto rows = store.gather(keys);
    if (!rows) return std::unexpected(rows.error());
    for (std::size_t i = 0; i < places.size(); ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < query.size(); ++k) sum += double{query[k]} * double{rows->row(i)[k]};
      result[places[i]] = sum;
    }
  }
  return result;
}

}  // namespace warifu
