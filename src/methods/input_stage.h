#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nn/sharded_forward.h"
#include "nn/small_image_tower.h"
#include "nn/small_text_tower.h"
#include "nn/tensor_io.h"

namespace warifu {

// How one modality enters a model.
struct InputSpec {
  enum class Kind { kFeatures, kPictures, kPieces };
  Kind kind = Kind::kFeatures;
  std::int64_t width = 0;            // of the features, given or of the trained tower
  std::int64_t vocabulary_size = 0;  // kPieces
};

// Of the output of trained towers.
inline constexpr std::int64_t kTrainedTowerWidth = 192;

// A standardised feature is cut to this size: a word seen twice in the training texts would
// otherwise outweigh all others.
inline constexpr float kFeatureLimit = 8;

// Where one modality enters a model: a trained tower, if it has one, and the standardisation of features.
//
//   kFeatures  float [batch, width], standardised by ModalityData or by standardise() below
//   kPictures  uint8 [batch, 3, 96, 96]
//   kPieces    int64 [batch, L] as pieces_to_tensor makes them
class InputStageImpl : public torch::nn::Module {
 public:
  explicit InputStageImpl(const InputSpec& spec);

  // Its two halves. The first is the input itself where there is no tower; it treats rows
  // independently and draws no random numbers. The second leaves given features as they are, since those come
  // standardised; in training it standardises what a trained tower gave over the batch.
  torch::Tensor features_of(const torch::Tensor& input);      // -> [batch, width]
  torch::Tensor standardised(const torch::Tensor& features);  // -> [batch, width]

  std::vector<torch::Tensor> tower_parameters() const;  // empty: no tower

  // Mean and 1 / spread of each feature, and the tower, under names starting with `prefix`.
  void export_to(NamedTensors& tensors, const std::string& prefix) const;

  // Where the features are centred and scaled: mean and 1 / spread of each [width]. They are no
  // parameters. Of given features they are fixed before training; of a trained tower standardised()
  // keeps running ones, as batch normalisation does (S. Ioffe and C. Szegedy, ICML 2015): without, all
  // items look the same to an untaught tower and the codes collapse to one. Encoding uses what was
  // kept, so a code does not depend on its neighbours.
  void set_standardisation(const torch::Tensor& mean, const torch::Tensor& scale);
  torch::Tensor standardise(const torch::Tensor& features) const;

 private:
  torch::Tensor standardise_batch(const torch::Tensor& features);

  InputSpec spec_;
  torch::Tensor mean_;
  torch::Tensor variance_;  // of a trained tower's output
  torch::Tensor scale_;
  SmallImageTower picture_tower_ = nullptr;
  SmallTextTower text_tower_ = nullptr;
};
TORCH_MODULE(InputStage);

// A stage at work on one batch: its tower, if it has one, on all cores, what follows on one.
class InputPass {
 public:
  InputPass(InputStageImpl& stage, const torch::Tensor& input);

  const torch::Tensor& features() const { return features_; }  // standardised, [batch, width]

  // After the loss has gone backward through features(): carries it on into the tower.
  void backward();

 private:
  std::optional<ShardedForward> tower_;
  torch::Tensor features_;
};

}  // namespace warifu
