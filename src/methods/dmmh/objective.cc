#include "methods/dmmh/objective.h"

#include "nn/contrastive_losses.h"
#include "nn/hash_losses.h"
#include "nn/label_similarity.h"
#include "nn/losses.h"

namespace warifu {
namespace {

// Cross-entropy of the cosines of codes and words, a softmax within each label column; the mean over the pairs of
// item and column that have a label.
torch::Tensor word_loss(const DmmhBatch& batch, const DmmhSettings& settings) {
  const auto logits = settings.word_scale * unit_rows(batch.relaxed).mm(unit_rows(batch.words).t());
  const auto columns = batch.column_of_value.max().item<std::int64_t>() + 1;
  auto sum = torch::zeros({}), count = torch::zeros({});
  for (std::int64_t column = 0; column < columns; ++column) {
    const auto values = batch.column_of_value.eq(column).nonzero().squeeze(1);
    if (values.numel() < 2) continue;  // one value alone tells nothing apart
    const auto labels = batch.labels.index_select(1, values);
    const auto labelled = labels.sum(1).gt(0).to(torch::kFloat32);
    const auto targets = (1 - settings.word_smoothing) * even_label_shares(labels) +
                         settings.word_smoothing / static_cast<double>(values.numel());
    sum = sum + (info_nce(logits.index_select(1, values), targets) * labelled).sum();
    count = count + labelled.sum();
  }
  return sum / count.clamp_min(1);
}

}  // namespace

torch::Tensor DmmhTerms::sum(const DmmhSettings& settings) const {
  return settings.similarity_weight * similarity + settings.classifier_weight * classifier +
         settings.word_weight * words + settings.quantization_weight * quantization;
}

DmmhTerms dmmh_terms(const DmmhBatch& batch, const DmmhSettings& settings) {
  return {.similarity = cosine_regression_loss(batch.relaxed, sigmoid_label_similarity(batch.labels, batch.labels)),
          .classifier = torch::mse_loss(torch::sigmoid(batch.class_logits), batch.labels),
          .words = word_loss(batch, settings),
          .quantization = quantization_loss(batch.relaxed)};
}

}  // namespace warifu
