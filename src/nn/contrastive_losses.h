#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace warifu {

// Contrastive losses over a matrix of similarities between queries (rows) and keys (columns), one
// direction each: a symmetric loss is the sum over the matrix and its transpose.
//
// They return one value a row, float [rows], so that a caller can weigh rows, say by how likely a pair
// is to be clean; the papers' losses are the means. All are finite, and so are their gradients, for
// cosines at temperatures down to 0.01. TORCH_CHECK fails where shapes do not fit or a row keeps no
// positive.

// What each key is to each query.
struct ContrastColumns {
  torch::Tensor positive = {};  // [rows, columns] bool, at least one true in a row that is not left out
  // Neither positive nor negative, whatever `positive` says (a suspected false negative). Their
  // similarity may be anything, -inf too. [rows, columns] bool or undefined: none.
  torch::Tensor left_out = {};
  // Log of how much a key counts, e.g. NegativeBank::log_age_weights: added to its logit, so that
  // exp(logit) counts that much. Float [columns] or undefined: all 0. No gradient.
  torch::Tensor log_weight = {};
};

// InfoNCE with soft targets: -sum_j target_ij log p_ij, p the softmax of the logits over a row.
//
//   logits      [rows, columns], similarity / temperature; -inf or `left_out` where a column is left out
//   targets     [rows, columns], >= 0, rows sum to 1; 0 where a column is left out
//   left_out, log_weight  as in ContrastColumns
//
// softened_targets (losses.h) makes targets.
//
// Source: A. van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018;
// soft targets of J. Li et al., "Align before Fuse", NeurIPS 2021.
torch::Tensor info_nce(const torch::Tensor& logits, const torch::Tensor& targets, const torch::Tensor& left_out = {},
                       const torch::Tensor& log_weight = {});

// SigLIP: every pair is a yes-no question of its own, -log sigmoid(z (scale * s + bias)), z = 1 for
// positives and -1 for negatives:
//   mean over positives + (batch - 1) * mean over negatives.
// With one positive and batch - 1 negatives in a row this is the paper's sum over the row; more keys
// from a bank, or more copies of the own item, leave the ratio of positives to negatives as it was.
// Means are weighted by exp(log_weight).
//
//   similarity  [rows, columns], cosines
//   scale, bias float [] or [1], learnt; the paper starts at scale 10 and bias -10
//   batch       >= 1
//
// Source: X. Zhai et al., "Sigmoid Loss for Language Image Pre-Training", ICCV 2023.
torch::Tensor siglip(const torch::Tensor& similarity, const torch::Tensor& scale, const torch::Tensor& bias,
                     const ContrastColumns& columns, std::int64_t batch);

// RINCE: [ -e_pos^q + (lambda (e_pos + sum of e_neg))^q ] / q  with  e = exp(logit), averaged over
// the positives of a row (each with all other columns in the sum), times exp(-q log_scale).
//
// q towards 0 gives info_nce with even targets, plus log lambda; at q = 1 it is linear in every e,
// which makes it symmetric and so robust to wrong positives. The unscaled loss reaches
// exp(q / temperature); `log_scale` keeps it in range and scales all gradients by the same constant.
// The larger q, the less a pair matters that is still far apart: by exp(-q (1 - cosine) / temperature).
//
//   logits     [rows, columns], at most about log_scale
//   q          (0, 1];  lambda > 0: the authors use 0.01 with q 0.1 and 0.6
//   log_scale  the largest logit possible: 1 / temperature for cosines
//
// Source: C.-Y. Chuang et al., "Robust Contrastive Learning against Noisy Views", CVPR 2022.
torch::Tensor rince(const torch::Tensor& logits, const ContrastColumns& columns, double q, double lambda,
                    double log_scale);

// Complementary contrastive learning (RCL): only what is surely no partner teaches, so that a wrong
// positive is never pulled at directly. With p the softmax of the logits over a row, positives among
// them, each is a sum over the row's negatives; 0 where there is none. But for complementary_log all
// are bounded for each negative.
//
//   logits  [rows, columns], similarity / temperature; the authors use temperature 0.05
//
// Source: P. Hu et al., "Cross-Modal Retrieval with Partially Mismatched Pairs", TPAMI 2023; forms
// and names as in the authors' released code.
torch::Tensor complementary_log(const torch::Tensor& logits, const ContrastColumns& columns);  // -log(1 - p)
// (1 - (1 - p)^q) / q,  0 < q <= 1: complementary_log as q goes to 0, complementary_mae at 1. The authors use 0.5.
torch::Tensor complementary_gce(const torch::Tensor& logits, const ContrastColumns& columns, double q);
torch::Tensor complementary_tan(const torch::Tensor& logits, const ContrastColumns& columns);  // tan(p)
torch::Tensor complementary_exp(const torch::Tensor& logits, const ContrastColumns& columns);  // exp(p - 1)
torch::Tensor complementary_mae(const torch::Tensor& logits, const ContrastColumns& columns);  // p

// Triplet alignment loss (TAL): [ margin - S_pos + t log sum over negatives of exp(S / t) ]_+ , S_pos
// the mean of the positives weighted by the softmax of S / t over them. No gradient through these
// weights. A smooth maximum instead of the hardest negative, which under noise is often a true
// partner; as t goes to 0 it is the hardest negative. 0 for a row without negatives.
//
//   similarity   [rows, columns], cosines
//   temperature  t > 0; the authors use 0.015 and margin 0.1
//
// Source: Y. Qin et al., "Noisy-Correspondence Learning for Text-to-Image Person Re-identification",
// CVPR 2024.
torch::Tensor triplet_alignment_loss(const torch::Tensor& similarity, const ContrastColumns& columns,
                                     double temperature, double margin);

// CyCLIP's terms on cosines of a batch of n pairs: [n, n] -> [n], row j of which is the sum over k of
//   in-modal:    (<I_j, I_k> - <T_j, T_k>)^2   two pictures are as alike as their texts
//   cross-modal: (<I_j, T_k> - <I_k, T_j>)^2   a picture and another's text as the other way round
// Their means are the paper's sums divided by n; both at weight 0.25 there.
//
// Source: S. Goel et al., "CyCLIP: Cyclic Contrastive Language-Image Pretraining", NeurIPS 2022.
torch::Tensor in_modal_consistency(const torch::Tensor& image_image, const torch::Tensor& text_text);
torch::Tensor cross_modal_consistency(const torch::Tensor& image_text);

}  // namespace warifu
