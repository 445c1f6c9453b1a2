#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "methods/contrastive/model.h"
#include "methods/method.h"
#include "nn/tensor_io.h"

namespace warifu {

// What a trained space of this method gives a run that goes on from it.
struct StartWeights {
  std::vector<std::uint32_t> bits = {};  // its code lengths, ascending: side by side in the rows of layer1
  std::int64_t hidden = 0;
  NamedTensors tensors = {};               // both branches, named as ContrastiveBranch::export_to does
  std::optional<double> temperature = {};  // spaces trained before this was kept have none
  std::optional<double> bias = {};         // of the sigmoid loss; nothing where it was trained by another
  std::string fingerprint = {};            // of the space
};

// Of the space in `directory`, for training on `set`. Errors of read_space_model; kInvalidArgument: the space is of
// another method, or its features are not those of `set` (other towers, files or widths), naming both; kIncompatible
// or kBadFormat, naming the tensor, where the file does not hold such a model.
Result<StartWeights> read_start_weights(const std::filesystem::path& directory, const TrainingSet& set);

// The weights of a model that came from a start, wherever training carries them.
//
// Of the model: standardisation, trained tower, hidden layer, and of the head the rows of each code length that both
// have. The temperature is none of them, since no code depends on it.
//
// Not thread-safe; refers to the model's own tensors, which live as long as this does.
class StartingPoint {
 public:
  // Copies the start's weights into `model`, whose head has the lengths `bits`; other lengths stay as they are.
  // kIncompatible, naming the tensor, where one is missing or of another shape; nothing is changed then.
  static Result<StartingPoint> take_over(ContrastiveModelImpl& model, const StartWeights& start,
                                         const std::vector<std::uint32_t>& bits);

  // w -= share * (w - start), share >= 0; above 1 counts as 1. Statistics of features are no weights and stay.
  void pull_back(double share);

  // w = (1 - share) * start + share * w with share in 0 … 1, statistics as well: at 0 the codes are the start's.
  void interpolate(double share);

 private:
  NamedTensors here_;   // of the model: views
  NamedTensors start_;  // copies, by the same names
  std::vector<torch::Tensor> pulled_;
  std::vector<torch::Tensor> pulled_to_;
};

}  // namespace warifu
