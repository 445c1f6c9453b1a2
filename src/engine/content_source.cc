#include "engine/content_source.h"

#include <algorithm>
#include <unordered_set>

#include "base/hash.h"
#include "base/parallel.h"

namespace warifu {
namespace {

constexpr std::size_t kEncodeChunk = 128;  // items between two looks at the progress bar
constexpr std::size_t kFlushEvery = 16;    // chunks: what a crash can cost

// Decodes the pictures of `items` on all threads; result[i] is the picture or why there is none.
std::vector<Result<Image>> decode_all(const Workspace& workspace, std::span<const Item> items,
                                      const PictureFormat& format) {
  std::vector<Result<Image>> images(items.size(), Image{});
  const ImageLimits limits = workspace.image_limits();  // here: the catalog belongs to this thread
  parallel_for(items.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) images[i] = workspace.read_picture(items[i], limits, format);
  });
  return images;
}

}  // namespace

Result<ContentSource> ContentSource::open(const Workspace& workspace, const TowerSpec& tower, Modality modality,
                                          const PictureFormat& raw_format) {
  ContentSource source(workspace, modality, raw_format);
  if (is_trained_tower(tower.name)) return source;
  if (tower.name == "given") {
    auto store = workspace.given_features(modality);
    if (!store) return std::unexpected(store.error());
    if ((*store)->rows() == 0)
      return fail(ErrorCode::kNotFound, std::string("no ") + modality_name(modality) + " features were given at ingest",
                  std::string("give --") + modality_name(modality) + "-encoder, or ingest with --" +
                      modality_name(modality) + "-features FILE.npy");
    source.store_ = std::move(*store);
    return source;
  }
  auto frozen = load_frozen_tower(tower, modality);
  if (!frozen) return std::unexpected(frozen.error());
  auto store = workspace.tower_features((*frozen)->fingerprint());
  if (!store) return std::unexpected(store.error());
  source.tower_ = std::move(*frozen);
  source.store_ = std::move(*store);
  return source;
}

bool ContentSource::has(const Item& item) const {
  if (store_ && !tower_) return store_->contains(item.id);
  return modality_ == Modality::kImage ? !item.image_hash.empty() : item.text.has_value();
}

std::string ContentSource::key(const Item& item) const {
  if (!tower_) return item.id;
  return modality_ == Modality::kImage ? item.image_hash : content_hash(*item.text);
}

Result<ContentBatch> ContentSource::load(std::span<const Item> items, ProgressSink& progress) {
  return store_ ? load_features(items, progress) : load_raw(items);
}

Result<ContentBatch> ContentSource::load_raw(std::span<const Item> items) const {
  ContentBatch batch;
  if (modality_ == Modality::kText) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      batch.present.push_back(i);
      batch.texts.push_back(*items[i].text);
    }
    return batch;
  }
  auto images = decode_all(*workspace_, items, raw_format_);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!images[i]) {
      batch.failed.emplace_back(i, images[i].error());
      continue;
    }
    batch.present.push_back(i);
    batch.pictures.push_back(std::move(*images[i]));
  }
  return batch;
}

Result<ContentBatch> ContentSource::load_features(std::span<const Item> items, ProgressSink& progress) {
  ContentBatch batch;
  if (tower_)
    if (auto filled = fill_cache(items, progress, batch); !filled) return std::unexpected(filled.error());
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::string item_key = key(items[i]);
    if (!store_->contains(item_key)) continue;  // in batch.failed
    batch.present.push_back(i);
    keys.push_back(std::move(item_key));
  }
  if (keys.empty()) return batch;
  auto features = store_->gather(keys);
  if (!features) return std::unexpected(features.error());
  batch.features = std::move(*features);
  return batch;
}

Result<void> ContentSource::fill_cache(std::span<const Item> items, ProgressSink& progress, ContentBatch& batch) {
  std::vector<std::size_t> missing;
  std::unordered_set<std::string> wanted;
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::string item_key = key(items[i]);
    if (!store_->contains(item_key) && wanted.insert(std::move(item_key)).second) missing.push_back(i);
  }
  const std::string stage = std::string("encoding ") + modality_name(modality_) + "s";
  std::size_t chunks = 0;
  for (std::size_t begin = 0; begin < missing.size(); begin += kEncodeChunk) {
    std::vector<Item> chunk;
    for (std::size_t i = begin; i < std::min(begin + kEncodeChunk, missing.size()); ++i)
      chunk.push_back(items[missing[i]]);
    std::vector<std::string> keys;
    Result<FloatMatrix> outputs = FloatMatrix{};
    if (modality_ == Modality::kImage) {
      auto images = decode_all(*workspace_, chunk, tower_->picture_format());
      std::vector<Image> good;
      for (std::size_t i = 0; i < chunk.size(); ++i) {
        if (!images[i]) {
          batch.failed.emplace_back(missing[begin + i], images[i].error());
          continue;
        }
        good.push_back(std::move(*images[i]));
        keys.push_back(key(chunk[i]));
      }
      outputs = tower_->encode_pictures(good);
    } else {
      std::vector<std::string> texts;
      for (const Item& item : chunk) {
        texts.push_back(*item.text);
        keys.push_back(key(item));
      }
      outputs = tower_->encode_texts(texts);
    }
    if (!outputs) return std::unexpected(outputs.error());
    if (!keys.empty())
      if (auto appended = store_->append(keys, *outputs); !appended) return appended;
    progress.advance(stage, std::min(begin + kEncodeChunk, missing.size()), missing.size());
    if (++chunks % kFlushEvery == 0)
      if (auto flushed = store_->flush(); !flushed) return flushed;
    if (progress.stop_requested()) {
      if (auto flushed = store_->flush(); !flushed) return flushed;
      return fail(ErrorCode::kUnavailable, "stopped on request", "the same command continues where it stopped");
    }
  }
  return store_->flush();
}

}  // namespace warifu
