#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "codes/code_space.h"
#include "methods/prompthash/settings.h"
#include "nn/gated_fusion.h"
#include "nn/hash_head.h"
#include "nn/residual_mlp.h"
#include "nn/transformer_block.h"

namespace warifu {

// Sizes that the settings do not state.
struct PromptHashShape {
  std::int64_t image_width = 0;  // of the features
  std::int64_t text_width = 0;
  std::int64_t concepts = 0;        // label values [M]
  std::vector<std::uint32_t> bits;  // lengths of codes, the auxiliary one last

  std::int64_t all_bits() const;
};

// One half after its prompt, for a batch of B items; W = tokens * width.
struct PromptedHalf {
  torch::Tensor tokens;    // [B, tokens, width]
  torch::Tensor prompt;    // [B, W]; undefined without prompts
  torch::Tensor affinity;  // logits over the concepts, [B, M]; undefined without prompts
};

// What the objective looks at. Rows of width W, before the heads; `both` may have fewer rows: the first ones.
struct PromptHashOutputs {
  torch::Tensor image, text, both;
  torch::Tensor image_prompt, text_prompt;      // undefined without prompts, image_prompt also as released
  torch::Tensor image_affinity, text_affinity;  // as PromptedHalf::affinity
};

// The network from standardised features to real values whose signs are the bits:
//
//   tokens   X = dropout(GELU(LN(reshape(W_m dropout(x)) + position)))            of each half m
//   prompt   a = softmax(A_m X), P = context + a E: concepts E and context are learnt, the affinity a to the
//            concepts is predicted from the half itself (mode oracle: its labels);
//            [X'; P'] = LN(block([X; P])),  Y = X' * (1 + P')
//   fusion   F = GatedFusion([Y_v; Y_t]) of a pair, of [Y_v; null_t] or [null_v; Y_t] of a half alone: so that
//            one fusion learns from pairs and is used on halves
//   codes    r = MLP(flatten(Y + F) / 2), for both halves of the mean of the two;  relaxed = tanh(head r)
//
// The residual MLP and the heads of all lengths are the same for image, text, both and prompts. Rows are independent
// of each other but in mode paper, where BatchFusion mixes halves and rows.
//
// Source: S. Zou et al., "PromptHash", CVPR 2025; README.md says where this differs from the released code.
class PromptHashNetworkImpl : public torch::nn::Module {
 public:
  PromptHashNetworkImpl(const PromptHashShape& shape, const PromptHashSettings& settings);

  // image [B, image_width] and text [B, text_width]; labels: multi-hot [B, M], read in mode oracle only.
  PromptHashOutputs forward(const torch::Tensor& image, const torch::Tensor& text, const torch::Tensor& labels);

  // [rows, W] -> [rows, all_bits]: real values, whose signs are the bits. Relaxed codes are their tanh.
  torch::Tensor heads(const torch::Tensor& rows) { return head_(rows); }

  // As heads(), without the auxiliary length, of what `modality` is encoded from: modes strict and oracle
  // read the halves of `modality` and no other (the tensors may be undefined), mode paper both.
  torch::Tensor outputs(Modality modality, const torch::Tensor& image, const torch::Tensor& text,
                        const torch::Tensor& labels);

 private:
  // The features of one half dilated to tokens.
  struct TokenMaker {
    torch::nn::Dropout input_dropout = nullptr, dropout = nullptr;
    torch::nn::Linear linear = nullptr;
    torch::Tensor position;  // [tokens, width]
    torch::nn::LayerNorm norm = nullptr;
    torch::nn::Linear affinity = nullptr;  // A_m
    torch::Tensor null;                    // [1, width]: stands for the half where it is not given
  };

  TokenMaker make_tokens(const std::string& name, std::int64_t features, double input_dropout);
  PromptedHalf prompted(const TokenMaker& maker, const torch::Tensor& features, const torch::Tensor& labels);
  torch::Tensor alone(Modality modality, const torch::Tensor& tokens);
  torch::Tensor together(const torch::Tensor& image_tokens, const torch::Tensor& text_tokens);
  PromptHashOutputs paired(const PromptedHalf& image, const PromptedHalf& text);

  PromptHashShape shape_;
  PromptHashSettings settings_;
  TokenMaker image_, text_;
  torch::Tensor concepts_, context_;  // E [M, width], [tokens, width]
  TransformerBlock prompt_block_ = nullptr;
  torch::nn::LayerNorm prompt_norm_ = nullptr;
  GatedFusion fusion_ = nullptr;
  BatchFusion batch_fusion_ = nullptr;  // mode paper
  ResidualMlp mlp_ = nullptr;
  HashHead head_ = nullptr;
};
TORCH_MODULE(PromptHashNetwork);

}  // namespace warifu
