#include "methods/attribute.h"

#include <cassert>
#include <cmath>
#include <cstddef>

namespace warifu {
namespace {

// Of raw content only: given features would say nothing of patches and words.
Result<std::vector<float>> row_of(const FeatureSource& source, const EncoderInput& input) {
  EncoderInput raw;
  raw.picture = input.picture;
  raw.text = input.text;
  const auto rows = source.features({&raw, 1});
  if (!rows) return std::unexpected(rows.error());
  return std::vector<float>(rows->row(0).begin(), rows->row(0).end());
}

// Of a code: sum of towards * tanh(value / scale).
class Likeness {
 public:
  Likeness(std::span<const float> values, std::span<const float> towards) : towards_(towards) {
    assert(values.size() == towards.size() && "one direction for each bit");
    double sum = 0;
    for (const float value : values) sum += std::abs(double{value});
    scale_ = sum > 0 ? static_cast<float>(sum / static_cast<double>(values.size())) : 1;
  }

  std::vector<float> gradient(std::span<const float> values) const {
    std::vector<float> weights(values.size());
    for (std::size_t k = 0; k < values.size(); ++k) {
      const float slope = std::tanh(values[k] / scale_);
      weights[k] = towards_[k] * (1 - slope * slope) / scale_;
    }
    return weights;
  }

 private:
  std::span<const float> towards_;
  float scale_ = 1;
};

}  // namespace

Result<Attribution> attribute_input(const EncoderInput& input, Modality modality, const FeatureSource& image,
                                    const FeatureSource& text, const Head& head, std::span<const float> towards) {
  HalfRows rows;
  if (modality != Modality::kText) {
    auto row = row_of(image, input);
    if (!row) return std::unexpected(row.error());
    rows.image = std::move(*row);
  }
  if (modality != Modality::kImage) {
    auto row = row_of(text, input);
    if (!row) return std::unexpected(row.error());
    rows.text = std::move(*row);
  }
  const Likeness likeness(head(rows).values, towards);
  const auto gradients = [&](const HalfRows& at) {
    const HeadPass pass = head(at);
    return pass.pull(likeness.gradient(pass.values));
  };
  Attribution attribution;
  if (modality != Modality::kText) {
    auto patches = image.attribute_picture(*input.picture, [&](std::span<const float> row) {
      return gradients({{row.begin(), row.end()}, rows.text}).image;
    });
    if (!patches) return std::unexpected(patches.error());
    attribution.patches = std::move(*patches);
  }
  if (modality != Modality::kImage) {
    auto words = attribute_words(text, *input.text, [&](std::span<const float> row) {
      return gradients({rows.image, {row.begin(), row.end()}}).text;
    });
    if (!words) return std::unexpected(words.error());
    attribution.words = std::move(*words);
  }
  return attribution;
}

}  // namespace warifu
