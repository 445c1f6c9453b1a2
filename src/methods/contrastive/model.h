#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nn/hash_head.h"
#include "nn/small_image_tower.h"
#include "nn/small_text_tower.h"
#include "nn/tensor_io.h"

namespace warifu {

// How one modality enters the model.
struct BranchSpec {
  enum class Kind { kFeatures, kPictures, kPieces };
  Kind kind = Kind::kFeatures;
  std::int64_t width = 0;            // of the features, given or of the trained tower
  std::int64_t vocabulary_size = 0;  // kPieces
};

// Input -> (trained tower) -> one hidden layer -> codes of all lengths.
//
//   kFeatures  float [batch, width], standardised by standardise() below
//   kPictures  uint8 [batch, 3, 96, 96]
//   kPieces    int64 [batch, L] as pieces_to_tensor makes them
class ContrastiveBranchImpl : public torch::nn::Module {
 public:
  ContrastiveBranchImpl(const BranchSpec& spec, std::int64_t hidden, double dropout,
                        const std::vector<std::uint32_t>& bits);

  // Relaxed codes of all lengths, side by side: float [batch, sum of bits] in (-1, 1).
  torch::Tensor forward(const torch::Tensor& input);

  // Its two halves. The first is the input itself where there is no tower. It treats rows
  // independently and draws no random numbers; the second has dropout, and in training it standardises what
  // a trained tower gave over the batch.
  torch::Tensor features_of(const torch::Tensor& input);  // -> [batch, width]
  torch::Tensor codes_of(const torch::Tensor& features);  // -> [batch, sum of bits]
  std::vector<torch::Tensor> tower_parameters() const;    // empty: no tower

  // For the teacher: as while training, but without dropout. Its tower's output differs from the
  // student's, so its own batch standardises it.
  void teach();

  // The layers as methods/hash_encoder.h reads them, and the tower, under names starting with `prefix`.
  void export_to(NamedTensors& tensors, const std::string& prefix) const;

  // Where the features are centred and scaled: mean and 1 / spread of each [width]. They are no
  // parameters. Of given features they are fixed before training; of a trained tower codes_of() keeps
  // running ones, as batch normalisation does (S. Ioffe and C. Szegedy, ICML 2015): without, all items
  // look the same to an untaught tower and the codes collapse to one. Encoding uses what was kept, so
  // a code does not depend on its neighbours.
  void set_standardisation(const torch::Tensor& mean, const torch::Tensor& scale);
  torch::Tensor standardise(const torch::Tensor& features) const;

 private:
  BranchSpec spec_;
  torch::Tensor standardise_batch(const torch::Tensor& features);

  torch::Tensor mean_;
  torch::Tensor variance_;  // of a trained tower's output
  torch::Tensor scale_;
  SmallImageTower picture_tower_ = nullptr;
  SmallTextTower text_tower_ = nullptr;
  torch::nn::Dropout dropout_ = nullptr;
  torch::nn::Linear hidden_ = nullptr;
  HashHead head_ = nullptr;
};
TORCH_MODULE(ContrastiveBranch);

// A standardised feature is cut to this size: a word seen twice in the training texts would
// otherwise outweigh all others.
inline constexpr float kFeatureLimit = 8;

// The two branches, and what their comparison learns.
class ContrastiveModelImpl : public torch::nn::Module {
 public:
  ContrastiveModelImpl(const BranchSpec& image, const BranchSpec& text, std::int64_t hidden, double dropout,
                       const std::vector<std::uint32_t>& bits, double temperature);

  ContrastiveBranch image = nullptr;
  ContrastiveBranch text = nullptr;
  torch::Tensor log_temperature;  // [1]
  torch::Tensor bias;             // [1], of the sigmoid loss; 0 otherwise
};
TORCH_MODULE(ContrastiveModel);

// teacher = momentum * teacher + (1 - momentum) * student, over parameters; buffers (statistics) are copied.
void follow(torch::nn::Module& teacher, const torch::nn::Module& student, double momentum);

}  // namespace warifu
