#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "codes/code_space.h"
#include "methods/ccl/grains.h"
#include "methods/ccl/settings.h"
#include "nn/hash_head.h"

namespace warifu {

// Sizes that the settings do not state.
struct CclShape {
  std::int64_t image_width = 0;  // of the whole
  std::int64_t text_width = 0;
  std::int64_t image_parts = 0;  // places for parts
  std::int64_t text_parts = 0;
  std::int64_t classes = 0;  // label values; 0: learnt without labels
  std::vector<std::uint32_t> bits;

  std::int64_t all_bits() const;
};

// What one pathway makes of a batch; W is the width of the settings.
struct CclFeatures {
  torch::Tensor whole;   // [B, W]
  torch::Tensor part;    // pooled over the parts that are there, zeros where there is none; undefined without parts
  torch::Tensor common;  // [B, W]: both grains fused, in the common layer; no length is kept to
};

// One modality, from grains to the common layer; shares no weights with the other:
//
//   h_whole = GELU(W_w dropout(x)),  h_part = pool over parts of GELU(W_p dropout(x_part))
//   common  = W_c dropout(LN([h_whole; h_part]))
//
// Rows are independent of each other. Pooling: the mean, or the mean by the softmax of a learnt score.
// TORCH_CHECK fails where the grains have other widths or parts than it was made for.
class CclPathwayImpl : public torch::nn::Module {
 public:
  CclPathwayImpl(std::int64_t features, std::int64_t parts, double dropout, const CclSettings& settings);

  CclFeatures forward(const Grains& grains);

  // Each part as if it were all there is: [batch * T, width] in the common layer, in the order of the rows.
  torch::Tensor parts_alone(const Grains& grains);

 private:
  torch::Tensor pooled(const Grains& grains);
  torch::Tensor fused(const torch::Tensor& whole, const torch::Tensor& part);

  std::int64_t features_, parts_;
  torch::nn::Dropout input_dropout_ = nullptr, hidden_dropout_ = nullptr;
  torch::nn::Linear whole_ = nullptr, part_ = nullptr, score_ = nullptr, common_ = nullptr;
  torch::nn::LayerNorm norm_ = nullptr;
};
TORCH_MODULE(CclPathway);

// Both pathways and what is made of the common layer. In encoding only what is declared here is used; what training
// needs besides is in train.h.
class CclNetworkImpl : public torch::nn::Module {
 public:
  CclNetworkImpl(const CclShape& shape, const CclSettings& settings);

  CclPathway pathway(Modality modality) const { return modality == Modality::kImage ? image_ : text_; }

  // [rows, W] of the common layer -> [rows, classes]: class_scale times the cosine with each class. Classes are the
  // same for both modalities.
  torch::Tensor class_logits(const torch::Tensor& common) const;

  // [rows, W] -> [rows, all_bits]: real values whose signs are the bits.
  torch::Tensor heads(const torch::Tensor& common) { return head_(common); }

  // The real-valued common space, rows of length 1. With classes: p = softmax(sharpness * class_logits), the shares of
  // the classes, with the length they lack in a coordinate of the modality's own: so the cosine of a picture and a
  // text is the inner product of their shares, and what is not sure of any class is far from everything. Without
  // classes: the common layer itself.
  std::int64_t embedding_width() const;
  torch::Tensor embedding(Modality modality, const torch::Tensor& common) const;

 private:
  CclShape shape_;
  CclSettings settings_;
  CclPathway image_ = nullptr, text_ = nullptr;
  torch::Tensor classes_;  // [classes, W]
  HashHead head_ = nullptr;
};
TORCH_MODULE(CclNetwork);

// A common layer of both halves of an item: the mean of their directions.
torch::Tensor common_of_both(const torch::Tensor& image, const torch::Tensor& text);

}  // namespace warifu
