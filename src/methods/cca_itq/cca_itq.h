#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "base/error.h"
#include "methods/method.h"
#include "methods/named_settings.h"
#include "methods/space_model.h"

namespace warifu {

// The classical baseline: canonical correlation analysis, then iterative quantization.
// README.md beside this file says which equation is where.
//
// Source: Y. Gong, S. Lazebnik, A. Gordo and F. Perronnin, "Iterative Quantization: A Procrustean
// Approach to Learning Binary Codes for Large-Scale Image Retrieval", TPAMI 35(12), 2013 (CCA-ITQ).

struct CcaItqSettings {
  // In units of the mean diagonal of each covariance. Chosen to agree with the published yardstick of
  // the benchmark collection; README.md says what weaker values do.
  double ridge = 1000;
  // Each pair of directions is scaled by its correlation to this power: 0 as in the ITQ paper; above 0
  // strong directions count more (Y. Gong, Q. Ke, M. Isard and S. Lazebnik, "A Multi-View Embedding Space for
  // Modeling Internet Images, Tags, and their Semantics", IJCV 106, 2014, weighs by the fourth power).
  double correlation_power = 0;
  int itq_iterations = 50;

  // All of the above, to be chosen by name.
  std::vector<NamedSetting> named() {
    return {{"ridge", &ridge, 0, 1e12},
            {"correlation_power", &correlation_power, 0, 100},
            {"itq_iterations", &itq_iterations, 0, 100000}};
  }
};

// Canonical directions of two centred views, strongest first.
struct CanonicalDirections {
  torch::Tensor image;         // [image width, n] float64
  torch::Tensor text;          // [text width, n]
  torch::Tensor correlations;  // [n], descending
};

// image [items, image width] and text [items, text width], float64, columns of mean 0; `count` <= the
// smaller width. `ridge` is added to the diagonal of each covariance, in units of its mean diagonal.
CanonicalDirections canonical_directions(const torch::Tensor& image, const torch::Tensor& text, std::int64_t count,
                                         double ridge);

// The rotation [K, K] (orthogonal) that brings `values` [items, K] near their signs.
//   minimise ||sign(V R) - V R||_F  by `iterations` turns of  B = sign(V R),  R = Procrustes(V, B)
torch::Tensor itq_rotation(const torch::Tensor& values, int iterations, std::uint64_t seed);

Result<TrainReport> train_cca_itq(const TrainingSet& set, const TrainOptions& options,
                                  const std::filesystem::path& directory, ProgressSink& progress);
Result<std::unique_ptr<Encoder>> load_cca_itq(const std::filesystem::path& directory, const SpaceModel& model);

}  // namespace warifu
