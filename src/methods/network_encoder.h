#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"
#include "encode/encoder.h"
#include "methods/feature_source.h"
#include "methods/space_model.h"

namespace warifu {

// What encoders have in common whose codes are the signs of a network's real values, made of the features of two
// sources: codes, values and explanations all follow from those.
class NetworkEncoder : public Encoder {
 public:
  std::span<const CodeSpace> spaces() const override { return spaces_; }
  bool encodes_raw(Modality modality) const override;
  PictureFormat picture_format() const override;
  Result<std::vector<CodeMatrix>> encode(std::span<const EncoderInput> inputs, Modality modality) const override;
  Result<FloatMatrix> values(std::span<const EncoderInput> inputs, Modality modality,
                             std::size_t length) const override;
  // Also kInvalidArgument where there is a caveat.
  Result<Attribution> attribute(const EncoderInput& input, Modality modality, std::size_t length,
                                std::span<const float> towards) const override;

 protected:
  explicit NetworkEncoder(const SpaceModel& model) : spaces_(model.code_spaces()) {}

  std::size_t all_bits() const;  // of all lengths side by side

 private:
  virtual const FeatureSource& source(Modality half) const = 0;

  // [inputs, all_bits()]; errors of encode().
  virtual Result<FloatMatrix> all_values(std::span<const EncoderInput> inputs, Modality modality) const = 0;

  // The same, [1, all_bits()], of features [1, width] as their sources give them, undefined where that half is not
  // looked at. Differentiable; called from several threads at once.
  virtual torch::Tensor values_of_features(Modality modality, const torch::Tensor& image,
                                           const torch::Tensor& text) const = 0;

  std::vector<CodeSpace> spaces_;
};

}  // namespace warifu
