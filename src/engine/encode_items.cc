#include "engine/encode_items.h"

#include <algorithm>
#include <iterator>

namespace warifu {
namespace {

// The batch's entries are in ascending order of position, some of them not among `positions`, and the other way round.
void fill(const ContentBatch& batch, const std::vector<std::size_t>& positions, bool image,
          std::vector<EncoderInput>& inputs) {
  std::size_t entry = 0;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    while (entry < batch.present.size() && batch.present[entry] < positions[i]) ++entry;
    if (entry == batch.present.size() || batch.present[entry] != positions[i]) continue;  // it lacks this half
    EncoderInput& input = inputs[i];
    if (!batch.features.empty()) (image ? input.image_features : input.text_features) = batch.features.row(entry);
    if (!batch.pictures.empty()) input.picture = &batch.pictures[entry];
    if (!batch.texts.empty()) input.text = batch.texts[entry];
  }
}

// Entries of a batch of some items as positions among all of them.
void spread(const std::vector<std::size_t>& asked, ContentBatch& batch) {
  for (std::size_t& position : batch.present) position = asked[position];
  for (auto& [position, error] : batch.failed) position = asked[position];
}

constexpr std::size_t kChunk = 512;  // items encoded between two looks at the progress bar

}  // namespace

bool ItemCodes::made(ItemRow row) const { return std::ranges::binary_search(segments.front().rows, row); }

Result<ItemEncoder> ItemEncoder::open(const Workspace& workspace, const std::string& space) {
  if (auto there = workspace.require_space(space); !there) return std::unexpected(there.error());
  return open_directory(workspace, workspace.space_folder(space));
}

Result<ItemEncoder> ItemEncoder::open_directory(const Workspace& workspace, const std::filesystem::path& directory) {
  auto info = read_space_info(directory);
  if (!info) return std::unexpected(info.error());
  auto encoder = load_encoder(directory);
  if (!encoder) return std::unexpected(encoder.error());
  auto images = ContentSource::open(workspace, info->image, Modality::kImage, (*encoder)->picture_format());
  if (!images) return std::unexpected(images.error());
  auto texts = ContentSource::open(workspace, info->text, Modality::kText, (*encoder)->picture_format());
  if (!texts) return std::unexpected(texts.error());
  return ItemEncoder(std::move(*info), std::move(*encoder), std::move(*images), std::move(*texts));
}

bool ItemEncoder::wants_image(Modality modality) const {
  return modality != Modality::kText || encoder_->caveat() == kPairedInput;
}

bool ItemEncoder::wants_text(Modality modality) const {
  return modality != Modality::kImage || encoder_->caveat() == kPairedInput;
}

bool ItemEncoder::has(const Item& item, Modality modality) const {
  if (takes_either(modality)) return images_.has(item) || texts_.has(item);
  return (!wants_image(modality) || images_.has(item)) && (!wants_text(modality) || texts_.has(item));
}

bool ItemEncoder::takes_either(Modality modality) const {
  return modality == Modality::kBoth && encoder_->bears_missing_half();
}

// Those of `items` that the source has, by position among all of them.
Result<ContentBatch> ItemEncoder::load(ContentSource& source, std::span<const Item> items, Modality modality,
                                       ProgressSink& progress) const {
  std::vector<std::size_t> asked;
  std::vector<Item> wanted;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (has(items[i], modality) && source.has(items[i])) {
      asked.push_back(i);
      wanted.push_back(items[i]);
    }
  if (wanted.empty()) return ContentBatch{};
  auto batch = source.load(wanted, progress);
  if (batch) spread(asked, *batch);
  return batch;
}

Result<ItemInputs> ItemEncoder::inputs(std::span<const Item> items, Modality modality, ProgressSink& progress) {
  ItemInputs result;
  if (wants_image(modality)) {
    auto loaded = load(images_, items, modality, progress);
    if (!loaded) return std::unexpected(loaded.error());
    result.images = std::move(*loaded);
    result.failed = result.images.failed;
    result.positions = result.images.present;
  }
  if (wants_text(modality)) {
    auto loaded = load(texts_, items, modality, progress);
    if (!loaded) return std::unexpected(loaded.error());
    result.texts = std::move(*loaded);
    result.failed.insert(result.failed.end(), result.texts.failed.begin(), result.texts.failed.end());
    std::vector<std::size_t> joined;
    if (takes_either(modality)) {
      std::ranges::set_union(result.positions, result.texts.present, std::back_inserter(joined));
      // A half that cannot be read now is not one that the item lacks.
      std::erase_if(joined, [&](std::size_t position) {
        return std::ranges::any_of(result.failed, [&](const auto& one) { return one.first == position; });
      });
    } else if (wants_image(modality)) {
      std::ranges::set_intersection(result.positions, result.texts.present, std::back_inserter(joined));
    } else {
      joined = result.texts.present;
    }
    result.positions = std::move(joined);
  }
  result.inputs.resize(result.positions.size());
  if (wants_image(modality)) fill(result.images, result.positions, true, result.inputs);
  if (wants_text(modality)) fill(result.texts, result.positions, false, result.inputs);
  if (encoder_->caveat() == kLabelsInQuery) {
    for (const std::size_t position : result.positions) {
      auto& names = result.labels.emplace_back();
      for (const Label& label : items[position].labels) names.push_back(label_name(label));
    }
    for (std::size_t i = 0; i < result.inputs.size(); ++i) result.inputs[i].labels = result.labels[i];
  }
  return result;
}

Result<EncodedItems> ItemEncoder::encode(std::span<const Item> items, Modality modality, ProgressSink& progress) {
  auto content = inputs(items, modality, progress);
  if (!content) return std::unexpected(content.error());
  EncodedItems result{std::move(content->positions), {}, std::move(content->failed)};
  if (result.positions.empty()) {
    for (const CodeSpace& space : encoder_->spaces()) result.codes.emplace_back(0, space.bits);
    return result;
  }
  auto codes = encoder_->encode(content->inputs, modality);
  if (!codes) return std::unexpected(codes.error());
  result.codes = std::move(*codes);
  return result;
}

Result<ItemCodes> ItemEncoder::encode_all(std::span<const Item> items, Modality modality, const std::string& stage,
                                          ProgressSink& progress) {
  ItemCodes all;
  for (const CodeSpace& space : encoder_->spaces())
    all.segments.push_back({space, modality, {}, CodeMatrix(0, space.bits)});
  SilentProgress quiet;
  for (std::size_t begin = 0; begin < items.size(); begin += kChunk) {
    const auto chunk = items.subspan(begin, std::min(kChunk, items.size() - begin));
    const auto made = encode(chunk, modality, quiet);
    if (!made) return std::unexpected(made.error());
    for (std::size_t i = 0; i < all.segments.size(); ++i) {
      for (const std::size_t position : made->positions) all.segments[i].rows.push_back(chunk[position].row);
      all.segments[i].codes.append(made->codes[i]);
    }
    if (modality != Modality::kBoth)
      for (const auto& [position, error] : made->failed)
        all.failed.push_back({chunk[position].id, error.message, error.hint});
    progress.advance(stage, begin + chunk.size(), items.size());
    if (progress.stop_requested())
      return fail(ErrorCode::kUnavailable, "stopped on request", "the same command starts this again");
  }
  return all;
}

Result<EmbeddedItems> ItemEncoder::embed(std::span<const Item> items, Modality modality, ProgressSink& progress) {
  if (encoder_->embedding_width() == 0) {
    const auto refused = encoder_->embed({}, modality);
    return std::unexpected(refused.error());
  }
  auto content = inputs(items, modality, progress);
  if (!content) return std::unexpected(content.error());
  EmbeddedItems result{std::move(content->positions), {}, std::move(content->failed)};
  if (result.positions.empty()) return result;
  auto rows = encoder_->embed(content->inputs, modality);
  if (!rows) return std::unexpected(rows.error());
  result.rows = std::move(*rows);
  return result;
}

}  // namespace warifu
