#include "methods/ccl/objective.h"

#include "nn/contrastive_losses.h"
#include "nn/hash_losses.h"
#include "nn/label_similarity.h"
#include "nn/losses.h"

namespace warifu {
namespace {

torch::Tensor gap(const torch::Tensor& a, const torch::Tensor& b) { return (a - b).square().mean(); }

torch::Tensor class_loss(const torch::Tensor& logits, const torch::Tensor& labels, double smoothing) {
  const auto targets = (1 - smoothing) * even_label_shares(labels) + smoothing / static_cast<double>(labels.size(1));
  const auto labelled = labels.sum(1).gt(0).to(torch::kFloat32);
  return (info_nce(logits, targets) * labelled).sum() / labelled.sum().clamp_min(1);
}

torch::Tensor both_ways(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& targets,
                        double temperature) {
  const auto logits = unit_rows(a).mm(unit_rows(b).t()) / temperature;
  return (info_nce(logits, targets).mean() + info_nce(logits.t(), targets).mean()) / 2;
}

torch::Tensor similarity_of(const CclBatch& batch) {
  return batch.labels.defined() ? any_label_similarity(batch.labels, batch.labels, batch.same)
                                : batch.same.to(torch::kFloat32);
}

torch::Tensor shares_of(const torch::Tensor& similar) { return similar / similar.sum(1, /*keepdim=*/true); }

}  // namespace

torch::Tensor mean_part(const Grains& grains) {
  const auto share = grains.present / grains.present.sum(1, /*keepdim=*/true).clamp_min(1);
  return share.unsqueeze(1).bmm(grains.parts).squeeze(1);
}

CclCorrelation ccl_correlation(const CclFeatures& image, const CclFeatures& text, const CclReconstruction& image_again,
                               const CclReconstruction& text_again) {
  CclCorrelation result;
  result.within = torch::zeros({});
  for (const auto* again : {&image_again, &text_again}) {
    result.within = result.within + gap(again->whole, again->whole_of) + gap(again->hidden, again->hidden_of);
    if (again->part.defined()) result.within = result.within + gap(again->part, again->part_of);
  }
  result.across =
      gap(image.whole, text.whole) + (unit_rows(image.common) - unit_rows(text.common)).square().sum(1).mean();
  if (image.part.defined() && text.part.defined()) result.across = result.across + gap(image.part, text.part);
  return result;
}

CclTasks ccl_tasks(const CclBatch& batch, const CclSettings& settings) {
  CclTasks tasks;
  const auto similar = similarity_of(batch);
  tasks.pairs = contrastive_pair_loss(unit_rows(batch.image), unit_rows(batch.text), similar, settings.margin);
  if (batch.labels.defined()) {
    tasks.image_class = class_loss(batch.image_logits, batch.labels, settings.class_smoothing);
    tasks.text_class = class_loss(batch.text_logits, batch.labels, settings.class_smoothing);
  }
  if (batch.unlabelled > 0)
    tasks.contrast = batch.unlabelled * both_ways(batch.image, batch.text, shares_of(similar), settings.temperature);
  return tasks;
}

torch::Tensor ccl_code_loss(const CclBatch& batch, const std::vector<torch::Tensor>& words,
                            const std::vector<std::uint32_t>& bits, const CclSettings& settings) {
  const auto images = split_by_bits(batch.image_codes, bits);
  const auto texts = split_by_bits(batch.text_codes, bits);
  const auto shares = shares_of(similarity_of(batch));
  auto loss = torch::zeros({});
  for (std::size_t i = 0; i < bits.size(); ++i) {
    for (const auto& codes : {images[i], texts[i]}) {
      loss = loss + settings.quantization_weight * quantization_loss(codes);
      if (batch.labels.defined())
        loss = loss + class_loss(settings.code_scale / bits[i] * codes.mm(words[i].t()), batch.labels,
                                 settings.class_smoothing);
    }
    if (batch.unlabelled > 0)
      loss = loss + batch.unlabelled * both_ways(images[i], texts[i], shares, settings.temperature);
  }
  return loss / static_cast<double>(bits.size());
}

torch::Tensor balanced_sum(const std::vector<torch::Tensor>& losses, const torch::Tensor& log_variance) {
  TORCH_CHECK(log_variance.dim() == 1 && log_variance.size(0) == static_cast<std::int64_t>(losses.size()),
              losses.size(), " tasks, log variance ", log_variance.sizes());
  const auto s = log_variance.clamp(-5, 5);
  auto sum = torch::zeros({});
  for (std::size_t t = 0; t < losses.size(); ++t) {
    if (!losses[t].defined()) continue;
    const auto own = s[static_cast<std::int64_t>(t)];
    sum = sum + torch::exp(-own) * losses[t] + own;
  }
  return sum;
}

}  // namespace warifu
