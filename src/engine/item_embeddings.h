#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "engine/encode_items.h"
#include "engine/workspace.h"
#include "store/feature_store.h"

namespace warifu {

// The places of items in a space's real-valued embedding (Encoder::embed), kept on disk beside the features: what a
// shortlist by Hamming distance is ranked by once more. Made by the present model of the space; those of another
// model or generation lie elsewhere. An item's place is kept under the hash of its content, so that what was replaced
// is never taken for it.
//
// Threads: fill() by one owner of the encoder; similarities() from any thread meanwhile.
class ItemEmbeddings {
 public:
  static Result<std::unique_ptr<ItemEmbeddings>> open(const Workspace& workspace, const SpaceInfo& info);

  // Embeds those of `items` that are not there yet. kUnavailable when a stop is asked for.
  Result<void> fill(ItemEncoder& encoder, std::span<const Item> items, ProgressSink& progress);

  // The cosine between `query` and the half of each item; nothing where the item has no place.
  Result<std::vector<std::optional<double>>> similarities(std::span<const float> query, std::span<const Item> items,
                                                          std::span<const Modality> halves) const;

 private:
  static constexpr std::array kHalves = {Modality::kImage, Modality::kText};
  mutable std::mutex mutex_;
  std::array<std::unique_ptr<FeatureStore>, kHalves.size()> stores_;
};

}  // namespace warifu
