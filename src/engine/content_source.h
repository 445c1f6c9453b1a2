#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/float_matrix.h"
#include "base/image.h"
#include "base/progress.h"
#include "encode/tower_spec.h"
#include "engine/workspace.h"
#include "nn/frozen_tower.h"

namespace warifu {

// The content of some items in one modality, in the form the tower under a method wants it: features
// of a frozen or given tower, else raw. Entry i belongs to items[present[i]].
struct ContentBatch {
  std::vector<std::size_t> present;
  FloatMatrix features;
  std::vector<Image> pictures;
  std::vector<std::string> texts;
  std::vector<std::pair<std::size_t, Error>> failed;  // position and why: a picture that went away since ingest
};

// Where training and indexing get one modality of the workspace's items from. Outputs of frozen towers
// are kept in the feature cache, so that no picture is encoded twice by the same weights.
//
// One owner, one thread.
class ContentSource {
 public:
  // `raw_format`: how pictures for a trained tower are brought to size.
  // Errors of load_frozen_tower; kNotFound for "given" where no features were given.
  static Result<ContentSource> open(const Workspace& workspace, const TowerSpec& tower, Modality modality,
                                    const PictureFormat& raw_format);

  // Whether the item has this modality in the form the tower needs.
  bool has(const Item& item) const;

  // Loads (and encodes, where the cache lacks it) the content of `items`, all of which has() it.
  Result<ContentBatch> load(std::span<const Item> items, ProgressSink& progress);

 private:
  ContentSource(const Workspace& workspace, Modality modality, const PictureFormat& raw_format)
      : workspace_(&workspace), modality_(modality), raw_format_(raw_format) {}

  Result<ContentBatch> load_features(std::span<const Item> items, ProgressSink& progress);
  Result<ContentBatch> load_raw(std::span<const Item> items) const;
  Result<void> fill_cache(std::span<const Item> items, ProgressSink& progress, ContentBatch& batch);
  std::string key(const Item& item) const;

  const Workspace* workspace_;
  Modality modality_;
  PictureFormat raw_format_;
  std::unique_ptr<FeatureStore> store_;  // given features or the tower's cache; null for a trained tower
  std::unique_ptr<FrozenTower> tower_;   // null for "given" and trained towers
};

}  // namespace warifu
