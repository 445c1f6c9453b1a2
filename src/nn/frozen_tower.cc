#include "nn/frozen_tower.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/parallel.h"
#include "io/image_file.h"
#include "io/patches.h"
#include "nn/classic_image.h"
#include "nn/clip_image_tower.h"
#include "nn/clip_text_tower.h"
#include "nn/feature_path.h"
#include "nn/mobilenet_v2.h"
#include "nn/patch_gradient.h"
#include "nn/single_threaded_tensors.h"
#include "nn/small_image_tower.h"
#include "text/bag_of_words.h"
#include "text/hashed_words.h"
#include "text/phrases.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

struct TowerFacts {
  std::string_view name;
  std::string fingerprint;
  std::size_t width = 0;
  PictureFormat format = {};
};

// One row of `width` numbers for each item, each computed by itself. `encode(i, row)` fills a row or says what is
// wrong; the error of the lowest item is returned, so that it does not depend on threads.
Result<FloatMatrix> rows_alone(std::size_t count, const TowerFacts& facts, std::string_view what,
                               const std::function<Result<void>(std::size_t, std::span<float>)>& encode) {
  FloatMatrix rows(count, facts.width);
  std::vector<std::optional<Error>> errors(count);
  for_each_alone(count, [&](std::size_t i) {
    try {
      if (auto done = encode(i, rows.row(i)); !done) errors[i] = std::move(done.error());
    } catch (const std::exception& exception) {
      errors[i] = Error{ErrorCode::kInternal, fmt::format("tower '{}': {}", facts.name, exception.what()), ""};
    }
    const bool finite = std::ranges::all_of(rows.row(i), [](float value) { return std::isfinite(value); });
    if (!errors[i] && !finite) {
      errors[i] = Error{ErrorCode::kIncompatible, fmt::format("tower '{}': feature is not finite", facts.name),
                        "the weights overflow on this input; take another file"};
    }
  });
  for (std::size_t i = 0; i < count; ++i) {
    if (errors[i]) return with_context(fmt::format("{} {}", what, i), std::move(*errors[i]));
  }
  return rows;
}

class PictureTower final : public FrozenTower {
 public:
  using Encode = std::function<void(const Image& picture, std::span<float> row)>;  // of a fitted picture
  using Attribute = std::function<PatchWeights(const Image& picture, const FeatureGradient& gradient)>;  // the same

  PictureTower(TowerFacts facts, Encode encode, Attribute attribute)
      : facts_(std::move(facts)), encode_(std::move(encode)), attribute_(std::move(attribute)) {}

  std::string fingerprint() const override { return facts_.fingerprint; }
  std::size_t width() const override { return facts_.width; }
  PictureFormat picture_format() const override { return facts_.format; }

  Result<FloatMatrix> encode_pictures(std::span<const Image> pictures) const override {
    return rows_alone(pictures.size(), facts_, "picture", [&](std::size_t i, std::span<float> row) -> Result<void> {
      const Image& picture = pictures[i];
      const auto fitted = fit_image(picture, facts_.format);
      if (!fitted) return Fail(fitted.error());
      encode_(*fitted, row);
      return {};
    });
  }

  Result<FloatMatrix> encode_texts(std::span<const std::string>) const override {
    return fail(ErrorCode::kInvalidArgument, fmt::format("tower '{}' encodes pictures, not texts", facts_.name));
  }

  Result<PatchWeights> attribute_picture(const Image& picture, const FeatureGradient& gradient) const override {
    const auto fitted = fit_image(picture, facts_.format);
    if (!fitted) return Fail(fitted.error());
    try {
      return attribute_(*fitted, gradient);
    } catch (const std::exception& exception) {
      return fail(ErrorCode::kInternal, fmt::format("tower '{}': {}", facts_.name, exception.what()));
    }
  }

 private:
  TowerFacts facts_;
  Encode encode_;
  Attribute attribute_;
};

// A tower whose row is differentiable: `row_of` makes it of float pixels [1, 3, size, size].
std::unique_ptr<FrozenTower> make_network_tower(TowerFacts facts, std::int64_t grid, const PixelsToRow& row_of) {
  const auto encode = [row_of](const Image& picture, std::span<float> row) {
    const auto dense = row_of(pictures_to_tensor({&picture, 1})).contiguous();
    std::copy_n(dense.data_ptr<float>(), row.size(), row.begin());
  };
  const auto attribute = [row_of, grid](const Image& picture, const FeatureGradient& gradient) {
    return patch_gradients(picture, grid, row_of, gradient);
  };
  return std::make_unique<PictureTower>(std::move(facts), encode, attribute);
}

class TextTower final : public FrozenTower {
 public:
  using Encode = std::function<void(std::string_view text, std::span<float> row)>;

  TextTower(TowerFacts facts, Encode encode) : facts_(std::move(facts)), encode_(std::move(encode)) {}

  std::string fingerprint() const override { return facts_.fingerprint; }
  std::size_t width() const override { return facts_.width; }
  PictureFormat picture_format() const override { return facts_.format; }

  Result<FloatMatrix> encode_pictures(std::span<const Image>) const override {
    return fail(ErrorCode::kInvalidArgument, fmt::format("tower '{}' encodes texts, not pictures", facts_.name));
  }

  Result<FloatMatrix> encode_texts(std::span<const std::string> texts) const override {
    return rows_alone(texts.size(), facts_, "text", [&](std::size_t i, std::span<float> row) -> Result<void> {
      encode_(texts[i], row);
      return {};
    });
  }

  Result<PatchWeights> attribute_picture(const Image&, const FeatureGradient&) const override {
    return fail(ErrorCode::kInvalidArgument, fmt::format("tower '{}' encodes texts, not pictures", facts_.name));
  }

 private:
  TowerFacts facts_;
  Encode encode_;
};

using Tower = std::unique_ptr<FrozenTower>;

// `version` counts changes of this program's code that change numbers; `parts` as TowerSpec::parts.
Result<std::string> fingerprint_of(std::string_view name, int version, int parts,
                                   const std::filesystem::path& weights = {}, std::string_view vocabulary = {}) {
  std::string facts = fmt::format("{}/{}", name, version);
  if (!weights.empty()) {
    const auto hash = file_hash(weights);
    if (!hash) return Fail(hash.error());
    facts += fmt::format("/{}", *hash);
    if (const auto settings = name.starts_with("clip") ? clip_settings_file(weights) : ""; !settings.empty()) {
      const auto settings_hash = file_hash(settings);
      if (!settings_hash) return Fail(settings_hash.error());
      facts += fmt::format("/{}", *settings_hash);
    }
  }
  if (!vocabulary.empty()) facts += fmt::format("/{}", vocabulary);
  if (parts > 0) facts += fmt::format("/{} parts", parts);
  return content_hash(facts);
}

std::size_t row_width(std::size_t width, int parts) { return width * static_cast<std::size_t>(1 + parts); }

// The place of part `part` (0: the whole) in a row.
std::span<float> part_of(std::span<float> row, int part, int parts) {
  const std::size_t width = row.size() / static_cast<std::size_t>(1 + parts);
  return row.subspan(static_cast<std::size_t>(part) * width, width);
}

int side_of(int parts) { return static_cast<int>(std::lround(std::sqrt(parts))); }

torch::Tensor as_it_is(const torch::Tensor& part) { return part; }

// CLIP compares by cosine, so its features are handed out with length 1.
torch::Tensor to_unit_length(const torch::Tensor& part) { return part / part.norm().clamp_min(1e-12); }

// The whole and, of a square field of tokens, the means over the cells of a grid, side by side; neighbouring cells
// share a token where the field cannot be divided evenly.
torch::Tensor picture_row(const TowerOutput& output, int parts, torch::Tensor (*finish)(const torch::Tensor&)) {
  const auto whole = finish(output.global.squeeze(0));
  if (parts == 0) return whole;
  std::vector<torch::Tensor> row = {whole};
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(output.tokens.size(1))));
  const std::int64_t cells = side_of(parts);
  const auto field = output.tokens.transpose(1, 2).reshape({1, output.tokens.size(2), side, side});
  const auto means = torch::adaptive_avg_pool2d(field, {cells, cells}).flatten(2).squeeze(0).t();  // [parts, width]
  for (int part = 0; part < parts; ++part) row.push_back(finish(means[part]));
  return torch::cat(row);
}

// The whole and the phrases of a text; the row comes zeroed.
template <typename Encode>
void encode_phrases(std::string_view text, int parts, std::span<float> row, const Encode& encode) {
  encode(text, part_of(row, 0, parts));
  if (parts == 0) return;
  int part = 0;
  for (const std::string& phrase : split_phrases(text, static_cast<std::size_t>(parts)))
    encode(phrase, part_of(row, ++part, parts));
}

Image crop(const Image& picture, int left, int top, int width, int height) {
  Image cell{width, height, {}};
  const auto stride = static_cast<std::size_t>(picture.width) * 3;
  for (int y = 0; y < height; ++y) {
    const auto* begin =
        picture.rgb.data() + static_cast<std::size_t>(top + y) * stride + static_cast<std::size_t>(left) * 3;
    cell.rgb.insert(cell.rgb.end(), begin, begin + static_cast<std::size_t>(width) * 3);
  }
  return cell;
}

// The whole picture and the cells of a grid, each brought to size and described like a picture.
void describe_classic_parts(const Image& picture, int parts, std::span<float> row) {
  describe_classic(picture, part_of(row, 0, parts));
  const int side = side_of(parts);
  for (int part = 0; part < parts; ++part) {
    const int left = part % side * picture.width / side, right = (part % side + 1) * picture.width / side;
    const int top = part / side * picture.height / side, bottom = (part / side + 1) * picture.height / side;
    const auto cell = fit_image(crop(picture, left, top, right - left, bottom - top), classic_picture_format());
    TORCH_CHECK(cell.has_value(), "a cell of a picture cannot be brought to size: ", cell.error().message);
    describe_classic(*cell, part_of(row, 1 + part, parts));
  }
}

// What each cell of its own raster changes in the row, by blanking it, counted by the row's gradient on the path from a
// blank picture.
PatchWeights attribute_classic(const Image& picture, int parts, std::size_t width, const FeatureGradient& gradient) {
  constexpr std::size_t kSide = 8;  // of the raster of gradients and of the layout
  constexpr PatchGrid kCells{kSide, kSide};
  const auto describe = [&](const Image& image) {
    std::vector<float> row(width);
    describe_classic_parts(image, parts, row);
    return row;
  };
  const auto whole = describe(picture);
  constexpr std::size_t kEverything = 0;
  const auto nothing = describe(blank_patches(picture, {1, 1}, {&kEverything, 1}));
  const auto slope = path_gradient(nothing, whole, gradient);
  PatchWeights patches{kSide, kSide, std::vector<float>(kSide * kSide)};
  parallel_for(patches.weights.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t cell = begin; cell < end; ++cell)
      patches.weights[cell] = change_along(slope, describe(blank_patches(picture, kCells, {&cell, 1})), whole);
  });
  return patches;
}

Result<Tower> make_classic(const TowerSpec& spec) {
  auto fingerprint = fingerprint_of("classic", 1, spec.parts);
  if (!fingerprint) return Fail(fingerprint.error());
  return std::make_unique<PictureTower>(
      TowerFacts{"classic", *std::move(fingerprint), row_width(kClassicWidth, spec.parts), classic_picture_format()},
      [parts = spec.parts](const Image& picture, std::span<float> row) { describe_classic_parts(picture, parts, row); },
      [parts = spec.parts, width = row_width(kClassicWidth, spec.parts)](const Image& picture,
                                                                         const FeatureGradient& gradient) {
        return attribute_classic(picture, parts, width, gradient);
      });
}

Result<Tower> make_mobilenet_v2(const TowerSpec& spec) {
  auto network = MobilenetV2::load(spec.weights);
  if (!network) return Fail(network.error());
  auto fingerprint = fingerprint_of("mobilenet_v2", 1, spec.parts, spec.weights);
  if (!fingerprint) return Fail(fingerprint.error());
  constexpr std::int64_t kTokensPerSide = 7;
  return make_network_tower(TowerFacts{"mobilenet_v2", *std::move(fingerprint),
                                       row_width(MobilenetV2::kWidth, spec.parts), MobilenetV2::picture_format()},
                            kTokensPerSide,
                            [network = *std::move(network), parts = spec.parts](const torch::Tensor& pixels) {
                              return picture_row(network.forward(pixels), parts, as_it_is);
                            });
}

Result<Tower> make_clip_image(const TowerSpec& spec) {
  auto tower = load_clip_image_tower(spec.weights);
  if (!tower) return Fail(tower.error());
  auto fingerprint = fingerprint_of("clip image", 1, spec.parts, spec.weights);
  if (!fingerprint) return Fail(fingerprint.error());
  const TowerFacts facts{"clip", *std::move(fingerprint),
                         row_width(static_cast<std::size_t>((*tower)->width()), spec.parts),
                         (*tower)->picture_format()};
  // Where patches are small, two of them a side are one cell: a finer raster says no more to people.
  const std::int64_t grid = (*tower)->grid() <= 12 ? (*tower)->grid() : (*tower)->grid() / 2;
  return make_network_tower(facts, grid, [tower = *tower, parts = spec.parts](const torch::Tensor& pixels) {
    auto network = tower;  // forward() is not const, but changes nothing
    return picture_row(network->forward(clip_normalised(pixels)), parts, to_unit_length);
  });
}

Result<Tower> make_bag_of_words(const TowerSpec& spec) {
  auto words = BagOfWords::load(spec.vocabulary);
  if (!words) return Fail(words.error());
  const auto vocabulary = file_hash(spec.vocabulary);
  if (!vocabulary) return Fail(vocabulary.error());
  auto fingerprint = fingerprint_of("bow", 1, spec.parts, {}, *vocabulary);
  if (!fingerprint) return Fail(fingerprint.error());
  const TowerFacts facts{"bow", *std::move(fingerprint), row_width(words->size(), spec.parts)};
  return std::make_unique<TextTower>(
      facts, [words = *std::move(words), parts = spec.parts](std::string_view text, std::span<float> row) {
        encode_phrases(text, parts, row, [&](std::string_view part, std::span<float> out) { words.encode(part, out); });
      });
}

Result<Tower> make_hashed_words(const TowerSpec& spec) {
  auto fingerprint = fingerprint_of("hashed", 1, spec.parts);
  if (!fingerprint) return Fail(fingerprint.error());
  const TowerFacts facts{"hashed", *std::move(fingerprint), row_width(kHashedWords, spec.parts)};
  return std::make_unique<TextTower>(facts, [parts = spec.parts](std::string_view text, std::span<float> row) {
    encode_phrases(text, parts, row, hash_words);
  });
}

Result<Tower> make_clip_text(const TowerSpec& spec) {
  auto tower = load_clip_text_tower(spec.weights);
  if (!tower) return Fail(tower.error());
  auto loaded = load_clip_tokenizer(spec.vocabulary);
  if (!loaded) return Fail(loaded.error());
  const std::shared_ptr<const Tokenizer> tokenizer = *std::move(loaded);
  if (tokenizer->vocabulary_size() > static_cast<std::size_t>((*tower)->vocabulary_size())) {
    return fail(ErrorCode::kIncompatible,
                fmt::format("{}: {} ids, but the weights know {}", spec.vocabulary.string(),
                            tokenizer->vocabulary_size(), (*tower)->vocabulary_size()),
                "weights and vocabulary must belong together");
  }
  auto fingerprint = fingerprint_of("clip text", 1, spec.parts, spec.weights, tokenizer->fingerprint());
  if (!fingerprint) return Fail(fingerprint.error());
  const TowerFacts facts{"clip", *std::move(fingerprint),
                         row_width(static_cast<std::size_t>((*tower)->width()), spec.parts)};
  const auto encode = [tower = *tower, tokenizer](std::string_view text, std::span<float> row) {
    const auto ids = tokenizer->encode(text);
    auto network = tower;
    // Without padding: what follows the end token cannot change it, but would cost time.
    const auto fitted = pad_clip_tokens(ids, std::min(ids.size(), static_cast<std::size_t>(network->context())));
    const std::vector<std::int64_t> wide(fitted.begin(), fitted.end());
    const auto ids_of_text = torch::tensor(wide, torch::kInt64).unsqueeze(0);
    const auto unit = to_unit_length(network->forward(ids_of_text).global.squeeze(0)).contiguous();
    std::copy_n(unit.data_ptr<float>(), row.size(), row.begin());
  };
  return std::make_unique<TextTower>(facts, [encode, parts = spec.parts](std::string_view text, std::span<float> row) {
    encode_phrases(text, parts, row, encode);
  });
}

// To add a tower: write its pair of files, then one line here.
struct Entry {
  std::string_view name;
  Modality modality;
  bool needs_weights;
  bool needs_vocabulary;
  Result<Tower> (*make)(const TowerSpec&);
};
constexpr std::array kTowers = {
    Entry{"classic", Modality::kImage, false, false, make_classic},
    Entry{"mobilenet_v2", Modality::kImage, true, false, make_mobilenet_v2},
    Entry{"clip", Modality::kImage, true, false, make_clip_image},
    Entry{"bow", Modality::kText, false, true, make_bag_of_words},
    Entry{"hashed", Modality::kText, false, false, make_hashed_words},
    Entry{"clip", Modality::kText, true, true, make_clip_text},
};

std::string known_towers(Modality modality) {
  std::vector<std::string_view> names;
  for (const Entry& entry : kTowers) {
    if (entry.modality == modality) names.push_back(entry.name);
  }
  return fmt::format("known frozen towers for modality {}: {}", modality_name(modality), fmt::join(names, ", "));
}

}  // namespace

Result<std::unique_ptr<FrozenTower>> load_frozen_tower(const TowerSpec& spec, Modality modality) {
  const auto entry = std::ranges::find_if(
      kTowers, [&](const Entry& known) { return known.name == spec.name && known.modality == modality; });
  if (entry == kTowers.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("no frozen tower is called '{}'", spec.name), known_towers(modality));
  }
  if (entry->needs_weights && spec.weights.empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("tower '{}' needs a weights file", spec.name),
                "name a .safetensors file of such weights");
  }
  if (entry->needs_vocabulary && spec.vocabulary.empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("tower '{}' needs a vocabulary file", spec.name));
  }
  const bool square = side_of(std::max(spec.parts, 0)) * side_of(std::max(spec.parts, 0)) == spec.parts;
  if (spec.parts < 0 || spec.parts > kMaxParts || (modality == Modality::kImage && !square)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("tower '{}': {} parts of one {}", spec.name, spec.parts,
                            modality == Modality::kImage ? "picture" : "text"),
                fmt::format("0 … {} parts, of pictures 0, 4, 9, 16 …: the cells of a square grid", kMaxParts));
  }
  try {
    const SingleThreadedTensors single_threaded;
    return entry->make(spec);
  } catch (const std::exception& exception) {
    return fail(ErrorCode::kInternal, fmt::format("tower '{}': {}", spec.name, exception.what()));
  }
}

bool is_trained_tower(std::string_view name) { return name == "small"; }

}  // namespace warifu
