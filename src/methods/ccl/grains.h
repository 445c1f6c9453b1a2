#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <optional>

#include "methods/input_stage.h"
#include "methods/modality_data.h"

namespace warifu {

// The whole of some items and their parts, standardised. T is the number of places for parts, 0 where there are none.
struct Grains {
  torch::Tensor whole;    // [batch, width]
  torch::Tensor parts;    // [batch, T, width]; whatever stands where no part is
  torch::Tensor present;  // float [batch, T], 1 where there is a part

  std::int64_t count() const { return parts.defined() ? parts.size(1) : 0; }
};

// Rows of a tower with parts, [rows, (1 + parts) * width] as TowerSpec::parts says, to grains: each number to
// sign(x) |x|^power, then centred and scaled by `stage`, whose mean and scale are as wide as a row. A part is there
// where one of its numbers is not 0.
Grains split_grains(const torch::Tensor& rows, std::int64_t parts, double power, const InputStageImpl& stage);

// One modality of all training items. Features of frozen or given towers are held as grains; content for trained
// towers goes through the model's own, which gives the whole alone.
class GrainData {
 public:
  // Fits the mean and scale of `stage` on `rows`: those of the whole for the whole, and one for all parts by the parts
  // that are there. `floor` as ModalityData::standardise.
  GrainData(ModalityData data, std::int64_t parts, const torch::Tensor& rows, double power, double floor,
            InputStageImpl& stage);

  bool has_tower() const { return !grains_.whole.defined(); }  // which is trained with the model
  std::int64_t size() const { return size_; }

  // Of features.
  Grains grains(const torch::Tensor& rows) const;
  const Grains& all() const { return grains_; }

  // Of content for a trained tower.
  const ModalityData& content() const { return *data_; }

 private:
  std::int64_t size_;
  std::optional<ModalityData> data_;
  Grains grains_;
};

}  // namespace warifu
