#pragma once

#include <torch/torch.h>

#include "base/rng.h"

namespace warifu {

// Training-time variations. Each draws from `rng` alone: same seed, same result on every machine.

// pixels uint8 [batch, 3, H, W] on the CPU -> the same shape: each picture is moved by up to 1/12 of
// its side (edges repeated), mirrored left-right half of the time, and its contrast and brightness
// changed by up to 20 %.
torch::Tensor augment_pictures(const torch::Tensor& pixels, Rng& rng);

// ids int64 [batch, L] on the CPU -> the same shape: each piece becomes padding (0) with
// `probability` in [0, 1), yet a text keeps at least one of its pieces.
torch::Tensor drop_pieces(const torch::Tensor& ids, double probability, Rng& rng);

}  // namespace warifu
