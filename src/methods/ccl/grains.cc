#include "methods/ccl/grains.h"

#include <utility>

namespace warifu {
namespace {

torch::Tensor raised(const torch::Tensor& values, double power) {
  return power == 1 ? values : values.sign() * values.abs().pow(power);
}

// Mean and 1 / spread of the columns of `rows`, weighted by `weight` [rows].
std::pair<torch::Tensor, torch::Tensor> moments(const torch::Tensor& rows, const torch::Tensor& weight, double floor) {
  const auto total = weight.sum().clamp_min(1);
  const auto mean = weight.unsqueeze(0).mm(rows).squeeze(0) / total;
  const auto variance = weight.unsqueeze(0).mm((rows - mean).square_()).squeeze(0) / total;
  const auto deviation = variance.sqrt();
  return {mean, (deviation + floor * deviation.mean() + 1e-8).reciprocal()};
}

// The grains of rows that are already standardised; `raw` tells which parts are there.
Grains split(const torch::Tensor& standardised, const torch::Tensor& raw, std::int64_t parts) {
  const std::int64_t width = raw.size(1) / (1 + parts);
  Grains grains;
  grains.whole = standardised.narrow(1, 0, width).contiguous();
  if (parts == 0) return grains;
  const auto behind = [&](const torch::Tensor& rows) {
    return rows.narrow(1, width, parts * width).reshape({rows.size(0), parts, width});
  };
  grains.parts = behind(standardised);
  grains.present = behind(raw).ne(0).any(2).to(torch::kFloat32);
  return grains;
}

}  // namespace

Grains split_grains(const torch::Tensor& rows, std::int64_t parts, double power, const InputStageImpl& stage) {
  TORCH_CHECK(rows.dim() == 2 && parts >= 0 && rows.size(1) % (1 + parts) == 0, "rows ", rows.sizes(), " of ", parts,
              " parts");
  return split(stage.standardise(raised(rows, power)), rows, parts);
}

GrainData::GrainData(ModalityData data, std::int64_t parts, const torch::Tensor& rows, double power, double floor,
                     InputStageImpl& stage)
    : size_(data.size()) {
  if (data.spec().kind != InputSpec::Kind::kFeatures) {
    data_.emplace(std::move(data));
    return;
  }
  const auto raw = data.batch(torch::arange(size_));
  const auto fitted = raised(raw.index_select(0, rows), power);
  const std::int64_t width = raw.size(1) / (1 + parts);
  auto [mean, scale] = moments(fitted.narrow(1, 0, width), torch::ones({fitted.size(0)}), floor);
  if (parts > 0) {
    const auto flat = fitted.narrow(1, width, parts * width).reshape({fitted.size(0) * parts, width});
    const auto [part_mean, part_scale] = moments(flat, flat.ne(0).any(1).to(torch::kFloat32), floor);
    mean = torch::cat({mean, part_mean.repeat(parts)});
    scale = torch::cat({scale, part_scale.repeat(parts)});
  }
  stage.set_standardisation(mean, scale);
  grains_ = split_grains(raw, parts, power, stage);
}

Grains GrainData::grains(const torch::Tensor& rows) const {
  Grains chosen;
  chosen.whole = grains_.whole.index_select(0, rows);
  if (grains_.count() == 0) return chosen;
  chosen.parts = grains_.parts.index_select(0, rows);
  chosen.present = grains_.present.index_select(0, rows);
  return chosen;
}

}  // namespace warifu
