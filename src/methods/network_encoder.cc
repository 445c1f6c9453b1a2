#include "methods/network_encoder.h"

#include <string>

#include "methods/hash_encoder.h"
#include "methods/torch_head.h"

namespace warifu {

bool NetworkEncoder::encodes_raw(Modality modality) const {
  return (modality == Modality::kText || source(Modality::kImage).encodes_raw()) &&
         (modality == Modality::kImage || source(Modality::kText).encodes_raw());
}

PictureFormat NetworkEncoder::picture_format() const { return source(Modality::kImage).picture_format(); }

std::size_t NetworkEncoder::all_bits() const { return first_bit(spaces_, spaces_.size()); }

Result<std::vector<CodeMatrix>> NetworkEncoder::encode(std::span<const EncoderInput> inputs, Modality modality) const {
  const auto all = all_values(inputs, modality);
  if (!all) return std::unexpected(all.error());
  return pack_lengths(*all, spaces_);
}

Result<FloatMatrix> NetworkEncoder::values(std::span<const EncoderInput> inputs, Modality modality,
                                           std::size_t length) const {
  const auto all = all_values(inputs, modality);
  if (!all) return std::unexpected(all.error());
  return values_of_length(*all, spaces_, length);
}

Result<Attribution> NetworkEncoder::attribute(const EncoderInput& input, Modality modality, std::size_t length,
                                              std::span<const float> towards) const {
  if (!caveat().empty())
    return fail(ErrorCode::kInvalidArgument, "codes with " + std::string(caveat()) + " are not explained",
                "train with mode=strict");
  const auto head = torch_head([&](const torch::Tensor& image, const torch::Tensor& text) {
    return values_of_features(modality, image, text)
        .narrow(1, static_cast<std::int64_t>(first_bit(spaces_, length)), spaces_[length].bits);
  });
  return attribute_input(input, modality, source(Modality::kImage), source(Modality::kText), head, towards);
}

}  // namespace warifu
