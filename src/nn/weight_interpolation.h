#pragma once

#include <torch/torch.h>

#include <vector>

#include "nn/tensor_io.h"

namespace warifu {

// Two ways to learn something new without leaving what the start weights know.

// (1 - share) * start + share * tuned of every tensor of a floating type, in its own type; other
// tensors (counters) are copied from `tuned`. Exactly `start` at share 0 and `tuned` at 1. New
// tensors, no gradient.
//
//   share  0 … 1; the paper sweeps it and recommends 0.5 where nothing can be validated
//
// TORCH_CHECK fails, with the name, where the two do not hold tensors of the same names, shapes and
// types.
//
// Source: M. Wortsman et al., "Robust fine-tuning of zero-shot models" (WiSE-FT), CVPR 2022.
NamedTensors interpolate_weights(const NamedTensors& start, const NamedTensors& tuned, double share);

// w -= learning_rate * strength * (w - w0) for every parameter, in place: the gradient step of
// strength / 2 * ||w - w0||^2 apart from the optimizer's own, as AdamW decays weights. To be called
// once a step, after it.
//
//   parameters, start  as many of each and of the same shapes; `start` a copy taken before training
//   learning_rate * strength  in [0, 1]; at 1 every weight is back at its start
//
// Source: X. Li et al., "Explicit Inductive Bias for Transfer Learning with Convolutional Networks"
// (L2-SP), ICML 2018; decoupled as in I. Loshchilov and F. Hutter, "Decoupled Weight Decay
// Regularization", ICLR 2019.
void decay_toward_start(const std::vector<torch::Tensor>& parameters, const std::vector<torch::Tensor>& start,
                        double learning_rate, double strength);

}  // namespace warifu
