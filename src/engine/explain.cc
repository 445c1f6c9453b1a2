#include "engine/explain.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "codes/hamming.h"
#include "io/patches.h"
#include "search/searcher.h"
#include "text/normalize.h"
#include "text/phrases.h"

namespace warifu {
namespace {

constexpr double kNamedPatches = 0.1;  // share of the raster that is named at most
constexpr double kNamedWords = 0.25;   // share of the words
constexpr float kNamedWeight = 0.2F;   // what is named weighs at least this, beside the heaviest of its side
constexpr std::size_t kNamedBits = 8;
constexpr int kAspectSide = 256;  // pixels of the copy that tells a picture's shape

Result<std::size_t> length_of(const Encoder& encoder, const CodeSpace& space) {
  for (std::size_t i = 0; i < encoder.spaces().size(); ++i)
    if (encoder.spaces()[i] == space) return i;
  return fail(ErrorCode::kIncompatible,
              "the model in space '" + space.name + "' is not the one its codes were made with",
              "run 'warifu index --space " + space.name + "'");
}

EncoderInput input_of(const ExplainContent& content) {
  EncoderInput input;
  if (content.picture) input.picture = &*content.picture;
  if (content.text) input.text = *content.text;
  return input;
}

bool has(const ExplainContent& content, Modality modality) {
  return (modality == Modality::kText || content.picture) && (modality == Modality::kImage || content.text);
}

// What a code of both is made from where one half is missing and the encoder bears that.
Modality made_from(const ExplainContent& content, Modality modality, const Encoder& encoder) {
  if (modality != Modality::kBoth || !encoder.bears_missing_half()) return modality;
  if (!content.text) return Modality::kImage;
  return content.picture ? Modality::kBoth : Modality::kText;
}

Result<CodeMatrix> code_of(const Encoder& encoder, std::size_t length, const ExplainContent& content,
                           Modality modality) {
  const EncoderInput input = input_of(content);
  auto codes = encoder.encode({&input, 1}, modality);
  if (!codes) return std::unexpected(codes.error());
  return std::move((*codes)[length]);
}

std::vector<float> signs_of(const CodeMatrix& code) {
  std::vector<float> signs(code.bits());
  for (std::size_t k = 0; k < signs.size(); ++k) signs[k] = code.bit(0, k) ? 1.0F : -1.0F;
  return signs;
}

// Of the bits in which `whole` agrees with `signs` those that lost most of it in `changed`; at least half of what the
// first lost.
std::vector<std::uint32_t> bits_lost(std::span<const float> whole, std::span<const float> changed,
                                     std::span<const float> signs) {
  std::vector<std::uint32_t> order(whole.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto lost = [&](std::uint32_t k) {
    const bool agrees = (whole[k] >= 0) == (signs[k] > 0);
    return agrees ? signs[k] * (whole[k] - changed[k]) : 0;
  };
  std::ranges::stable_sort(order, std::greater{}, lost);
  std::vector<std::uint32_t> bits;
  for (const std::uint32_t k : order) {
    if (bits.size() == kNamedBits || lost(k) <= 0 || lost(k) < lost(order.front()) / 2) break;
    bits.push_back(k);
  }
  return bits;
}

void scale_to_one(Attribution& attribution) {
  float largest = 0;
  for (const float weight : attribution.patches.weights) largest = std::max(largest, std::abs(weight));
  for (const WordWeight& word : attribution.words) largest = std::max(largest, std::abs(word.weight));
  if (largest == 0) return;
  for (float& weight : attribution.patches.weights) weight /= largest;
  for (WordWeight& word : attribution.words) word.weight /= largest;
}

// Positions of the heaviest of `weights`, at most this share of them but at least one.
std::vector<std::size_t> heaviest(std::span<const float> weights, double share) {
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return weights[i]; });
  const auto most = static_cast<std::size_t>(std::ceil(share * static_cast<double>(order.size())));
  order.resize(std::min(order.size(), most));
  std::erase_if(order, [&](std::size_t i) { return weights[i] < kNamedWeight * weights[order.front()]; });
  if (!order.empty() && weights[order.front()] <= 0) order.clear();
  return order;
}

// One side while it is explained: what it is made of, and the same with something taken away.
class Side {
 public:
  Side(const Encoder& encoder, std::size_t length, const ExplainContent& content, Modality modality,
       const CodeMatrix& other)
      : encoder_(encoder), length_(length), content_(content), modality_(modality), signs_(signs_of(other)) {}

  Result<ExplainedSide> explain() {
    auto attribution = encoder_.attribute(input_of(content_), modality_, length_, signs_);
    if (!attribution) return std::unexpected(attribution.error());
    scale_to_one(*attribution);
    side_.modality = modality_;
    side_.patches = std::move(attribution->patches);
    if (content_.text && modality_ != Modality::kImage) side_.text = *content_.text;
    for (const WordWeight& word : attribution->words)
      side_.words.push_back({word.begin, word.end, word.weight, false, {}});
    if (content_.picture) side_.frame = frame_of(encoder_.picture_format(), content_.aspect);
    name_patches();
    name_words();
    if (auto measured = measure_bits(); !measured) return std::unexpected(measured.error());
    return std::move(side_);
  }

 private:
  void name_patches() {
    for (const std::size_t cell : heaviest(side_.patches.weights, kNamedPatches)) {
      side_.named_patches.push_back(
          {cell / side_.patches.columns, cell % side_.patches.columns, side_.patches.weights[cell], {}});
      without_.push_back(content_);
      const PatchGrid grid{side_.patches.rows, side_.patches.columns};
      without_.back().picture = blank_patches(*content_.picture, grid, {&cell, 1});
    }
  }

  // A word that stands there twice is named at both places, and taken away from both.
  void name_words() {
    std::vector<float> weights;
    for (const ExplainedWord& word : side_.words) weights.push_back(word.weight);
    for (const std::size_t at : heaviest(weights, kNamedWords)) {
      if (side_.words[at].named) continue;
      std::vector<TextRange> places;
      for (ExplainedWord& word : side_.words)
        if (same_word(word, side_.words[at])) {
          word.named = true;
          places.push_back({word.begin, word.end});
        }
      words_.push_back(at);
      without_.push_back(content_);
      without_.back().text = without_ranges(side_.text, places);
    }
  }

  bool same_word(const ExplainedWord& a, const ExplainedWord& b) const {
    const auto text_of = [&](const ExplainedWord& word) {
      return lower_case(std::string_view(side_.text).substr(word.begin, word.end - word.begin));
    };
    return text_of(a) == text_of(b);
  }

  // What each named patch and word holds, measured: the values without it.
  Result<void> measure_bits() {
    std::vector<EncoderInput> inputs = {input_of(content_)};
    for (const ExplainContent& content : without_) inputs.push_back(input_of(content));
    const auto values = encoder_.values(inputs, modality_, length_);
    if (!values) return std::unexpected(values.error());
    for (std::size_t i = 0; i < without_.size(); ++i) {
      const auto bits = bits_lost(values->row(0), values->row(1 + i), signs_);
      if (i < side_.named_patches.size()) {
        side_.named_patches[i].bits = bits;
        continue;
      }
      const ExplainedWord& named = side_.words[words_[i - side_.named_patches.size()]];
      for (ExplainedWord& word : side_.words)
        if (same_word(word, named)) word.bits = bits;
    }
    return {};
  }

  const Encoder& encoder_;
  std::size_t length_;
  const ExplainContent& content_;
  Modality modality_;
  std::vector<float> signs_;
  ExplainedSide side_;
  std::vector<ExplainContent> without_;  // named patches, then named words
  std::vector<std::size_t> words_;       // positions of the named words
};

// Phrases of one side beside patches of the other; empty where the method aligns none.
std::vector<AlignedPhrase> align_sides(const Encoder& encoder, const ExplainContent& query, Modality query_modality,
                                       const ExplainContent& item, Modality item_modality) {
  const bool asks_by_words = query_modality == Modality::kText && item_modality == Modality::kImage;
  const bool asks_by_picture = query_modality == Modality::kImage && item_modality == Modality::kText;
  if (!asks_by_words && !asks_by_picture) return {};
  ExplainContent both;
  both.text = asks_by_words ? query.text : item.text;
  both.picture = asks_by_words ? item.picture : query.picture;
  const auto cosines = encoder.align(input_of(both));
  if (!cosines) return {};  // another method, or one that was trained without parts
  const auto side = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(cosines->rows()))));
  std::vector<AlignedPhrase> aligned;
  const auto phrases = split_phrases(*both.text, cosines->cols());
  for (std::size_t p = 0; p < phrases.size(); ++p) {
    std::size_t best = 0;
    for (std::size_t cell = 1; cell < cosines->rows(); ++cell)
      if (cosines->row(cell)[p] > cosines->row(best)[p]) best = cell;
    if (cosines->row(best)[p] > 0)
      aligned.push_back({side, side, best / side, best % side, phrases[p], cosines->row(best)[p]});
  }
  return aligned;
}

}  // namespace

PictureFrame frame_of(const PictureFormat& format, double aspect) {
  const double wide = std::max(aspect, 1.0), tall = std::max(1 / aspect, 1.0);
  if (format.fit == ImageFit::kLetterbox) return {(1 - tall) / 2, (1 - wide) / 2, tall, wide};
  if (format.fit == ImageFit::kCenterCrop) return {(1 - 1 / wide) / 2, (1 - 1 / tall) / 2, 1 / wide, 1 / tall};
  return {};
}

Result<Explanation> explain_match(const Encoder& encoder, const CodeSpace& space, const ExplainContent& query,
                                  const ExplainContent& item, std::optional<Modality> half, const StoredCodes& stored) {
  for (const ExplainContent* content : {&query, &item})
    if (content->text && content->text->size() > kMostExplainedBytes)
      return fail(ErrorCode::kInvalidArgument, "a text of " + std::to_string(content->text->size()) +
                                                   " bytes is not explained; at most " +
                                                   std::to_string(kMostExplainedBytes) + " are");
  if (auto checked = check_for_search(encoder, space.name); !checked) return std::unexpected(checked.error());
  const auto length = length_of(encoder, space);
  if (!length) return std::unexpected(length.error());
  if (!query.text && !query.picture)
    return fail(ErrorCode::kInvalidArgument, "the query has neither a text nor a picture",
                "give a text, a picture, both, or an item that has one");
  const Modality asked = query.picture && query.text ? Modality::kBoth
                         : query.picture             ? Modality::kImage
                                                     : Modality::kText;
  auto query_code = stored.query ? Result<CodeMatrix>(*stored.query) : code_of(encoder, *length, query, asked);
  if (!query_code) return std::unexpected(query_code.error());

  Explanation explanation;
  std::optional<Modality> found;
  for (const Modality candidate : {Modality::kImage, Modality::kText, Modality::kBoth}) {
    if (half ? candidate != *half : candidate == Modality::kBoth) continue;
    const Modality modality = made_from(item, candidate, encoder);
    if (!has(item, modality)) continue;
    auto kept = stored.item ? stored.item(candidate) : std::nullopt;
    auto code = kept ? Result<CodeMatrix>(std::move(*kept)) : code_of(encoder, *length, item, modality);
    if (!code) return std::unexpected(code.error());
    const std::uint32_t distance = hamming_distance(query_code->row(0), code->row(0));
    if (found && explanation.distance <= distance) continue;
    found = modality;
    explanation.distance = distance;
    explanation.item_code = std::move(*code);
  }
  if (!found)
    return fail(ErrorCode::kInvalidArgument, !half                        ? "the item has neither a picture nor a text"
                                             : has(item, Modality::kText) ? "the item has no picture"
                                                                          : "the item has no text");
  explanation.query_code = std::move(*query_code);
  explanation.space = space.name;
  explanation.bits = space.bits;
  for (std::uint32_t k = 0; k < space.bits; ++k)
    if (explanation.query_code.bit(0, k) != explanation.item_code.bit(0, k)) explanation.differing.push_back(k);
  auto query_side = Side(encoder, *length, query, asked, explanation.item_code).explain();
  if (!query_side) return std::unexpected(query_side.error());
  explanation.query = std::move(*query_side);
  auto item_side = Side(encoder, *length, item, *found, explanation.query_code).explain();
  if (!item_side) return std::unexpected(item_side.error());
  explanation.item = std::move(*item_side);
  explanation.alignments = align_sides(encoder, query, asked, item, *found);
  return explanation;
}

Result<ExplainContent> explain_content(std::optional<std::string> text, const PictureAs& picture,
                                       const PictureFormat& format) {
  ExplainContent content;
  content.text = std::move(text);
  if (!picture) return content;
  auto fitted = picture(format);
  if (!fitted) return std::unexpected(fitted.error());
  content.picture = std::move(*fitted);
  if (format.fit == ImageFit::kStretch) return content;
  const auto shape = picture({kAspectSide, ImageFit::kShrinkOnly, Resampling::kBilinear});
  if (!shape) return std::unexpected(shape.error());
  content.aspect = static_cast<double>(shape->width) / shape->height;
  return content;
}

ExplainContent as_query(ExplainContent item, std::optional<Modality> half) {
  if (item.picture && half != Modality::kBoth) item.text.reset();
  return item;
}

}  // namespace warifu
