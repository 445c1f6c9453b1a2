#pragma once

#include <torch/torch.h>

namespace warifu {

// Terms of the objectives of the hashing methods, one function an equation. All return a float [] that
// does not depend on how many rows there are, so that weights carry over from one batch size to the
// next. "relaxed" are codes before they are cut to bits, [rows, bits], usually in (-1, 1).
// TORCH_CHECK fails where shapes do not fit.

// Negative log-likelihood of similarities given codes, Psi(X, h; S): the mean over all pairs of
//   softplus(s) - S s,   s = 0.5 * clamp(x . h, -64, 64);
// ln 2 where all s are 0. Pairs beyond the clamp give no gradient.
//
//   codes       [items, bits]: of all training items, held fixed by the asymmetric methods, which
//               pass a detached buffer
//   relaxed     [batch, bits]
//   similarity  [items, batch], 0 … 1 (label_similarity.h)
//
// Source: Q.-Y. Jiang and W.-J. Li, "Deep Cross-Modal Hashing", CVPR 2017, as a mean; in the asymmetric
// form and with the clamp of PromptHash, CVPR 2025 (bayesian_loss of the released code).
torch::Tensor pairwise_likelihood_loss(const torch::Tensor& codes, const torch::Tensor& relaxed,
                                       const torch::Tensor& similarity);

// ||h - B||^2 / (rows * bits): how far relaxed codes are from given target codes. For several code
// lengths it is called once for each. quantization_loss (losses.h) has the codes' own signs as targets.
//
//   relaxed, codes  [rows, bits]; codes -1 or +1, no gradient into them
//
// Source: PromptHash, quantization_loss_2 of the released code; the same in DLCH, q(P, B).
torch::Tensor code_quantization_loss(const torch::Tensor& relaxed, const torch::Tensor& codes);

// ||h^T 1||^2 / (rows^2 * bits): the mean over bits of the squared mean over rows. 0 where each bit
// is as often + as -, 1 where every bit is the same in all rows.
//
// Source: Y. Weiss et al., "Spectral Hashing", NIPS 2008, the balance constraint as a penalty.
torch::Tensor bit_balance_loss(const torch::Tensor& relaxed);

// ||h^T h / rows - I||^2 / bits^2: the mean squared gap between the second moments of bits and those
// of independent balanced bits. 0 exactly there, below 1.
//
// Source: Y. Weiss et al., NIPS 2008, the independence constraint as a penalty.
torch::Tensor bit_decorrelation_loss(const torch::Tensor& relaxed);

// J(P, Q) of DLCH: the mean over pairs of (relu(cos(p_i, q_j)) - s_ij)^2. Pairs with a negative
// cosine give no gradient. A row of zeros has cosine 0 with everything.
//
//   outputs     P [batch, bits]
//   buffer      Q [items, bits], detached by the caller where it is a buffer
//   similarity  [batch, items], 0 … 1: cosine of label vectors in the paper
//
// Source: L. Xu et al., "Deep Lifelong Cross-modal Hashing", IEEE TCSVT 2024 (released code).
torch::Tensor rectified_cosine_loss(const torch::Tensor& outputs, const torch::Tensor& buffer,
                                    const torch::Tensor& similarity);

// The mean over pairs of (cos(h_i, h_j) - A_ij)^2, pairs of a row with itself among them. A row of
// zeros has cosine 0 with everything.
//
//   relaxed   [rows, bits]
//   affinity  A [rows, rows]: sigmoid_label_similarity in the paper's code
//
// Source: L_sim of W. Tan et al., "Bit-aware Semantic Transformer Hashing for Multi-modal Retrieval",
// SIGIR 2022 (released code), which the reconstruction of DMMH shares.
torch::Tensor cosine_regression_loss(const torch::Tensor& relaxed, const torch::Tensor& affinity);

// 1 / (2 rows) * sum over all pairs of  y d^2 + (1 - y) max(0, margin - d)^2,  d = ||a_i - b_j||.
// Two different items at the very same point get no gradient.
//
//   left     a [rows, width]
//   right    b [columns, width]
//   similar  y [rows, columns], 0 or 1 (float)
//   margin   > 0; CCL uses 1
//
// Source: R. Hadsell et al., "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006;
// over all pairs of a batch in Y. Peng et al., "CCL", IEEE TMM 2018 (released code).
torch::Tensor contrastive_pair_loss(const torch::Tensor& left, const torch::Tensor& right, const torch::Tensor& similar,
                                    double margin);

// temperature / (1 + D), detached: the more the softmaxes of paired features differ, the sharper.
// D = (KL(m || softmax a) + KL(m || softmax b)) / 2 with m their mean, averaged over rows.
//
// The paper names D the Jensen-Shannon divergence; that has the arguments of KL the other way round.
// The two agree to second order, and for features of length 1 D is at most about 0.001, so that
// 0.07 goes down to 0.06993 at most.
//
//   a, b         [rows, width]
//   temperature  > 0: 0.07
//   returns      float [], in (0, temperature], without gradient
//
// Source: PromptHash, CVPR 2025, local affinity alignment (released code).
torch::Tensor affinity_temperature(const torch::Tensor& a, const torch::Tensor& b, double temperature);

}  // namespace warifu
