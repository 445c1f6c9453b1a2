#pragma once

#include <torch/torch.h>

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "methods/input_stage.h"
#include "methods/method.h"

namespace warifu {

// One modality of all training items as a tensor, row i for item i.
class ModalityData {
 public:
  // kInvalidArgument: pictures not of the tower's size, features that are not finite; errors of the
  // tokenizer where texts are given.
  static Result<ModalityData> make(const TrainingInputs& inputs);

  const InputSpec& spec() const { return spec_; }
  std::int64_t size() const { return values_.size(0); }

  // Mean and 1 / spread of the features over `rows`. The spread of a column is its standard deviation
  // plus `floor` times the average one: rare columns are not blown up. Nothing but the features changes.
  void standardise(const torch::Tensor& rows, double floor, InputStageImpl& stage);

  // The same by the mean and scale that `stage` already has (those of a model whose training goes on).
  void standardise_as(const InputStageImpl& stage);

  // The input rows as its stage wants them; varied at random from `rng` where training.
  torch::Tensor batch(const torch::Tensor& rows) const;
  torch::Tensor varied_batch(const torch::Tensor& rows, Rng& rng) const;

 private:
  InputSpec spec_;
  torch::Tensor values_;
};

// Both modalities of a set, for methods that contrast pairs. kInvalidArgument: fewer than two pairs to train on; errors
// of ModalityData::make, saying of which half.
struct PairData {
  ModalityData image;
  ModalityData text;

  static Result<PairData> make(const TrainingSet& set);
};

// Positions of items as rows of their tensors, int64.
torch::Tensor positions_tensor(const std::vector<std::size_t>& positions);

// Bytes that name the data and the split, so that a checkpoint is continued only on equal ones.
std::string data_digest(const TrainingSet& set);

}  // namespace warifu
