#include "methods/contrastive/objective.h"

#include <limits>

#include "nn/hash_head.h"
#include "nn/losses.h"

namespace warifu {
namespace {

// One row of queries meets columns of keys: what is positive, what is left out, what the teacher thinks.
struct Columns {
  torch::Tensor same;        // [rows, columns] bool: the key is of the query's own item
  torch::Tensor likeness;    // [rows, columns] teacher's joint similarity of the two pairs, -1 … 1
  torch::Tensor left_out;    // [rows, columns] bool: too alike to be pushed away
  torch::Tensor log_weight;  // [columns] added to the logits
};

// Both halves of a pair speak: a pair is like another when its pictures are and its texts are.
torch::Tensor joint_similarity(const torch::Tensor& image, const torch::Tensor& text, const torch::Tensor& image_keys,
                               const torch::Tensor& text_keys) {
  return (image.mm(image_keys.t()) + text.mm(text_keys.t())) / 2;
}

torch::Tensor contrast(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& targets,
                       const Columns& columns, const torch::Tensor& temperature) {
  auto logits = queries.mm(keys.t()) / temperature;
  if (columns.log_weight.defined()) logits = logits + columns.log_weight;
  if (columns.left_out.defined())
    logits = logits.masked_fill(columns.left_out, -std::numeric_limits<float>::infinity());
  return soft_cross_entropy(logits, targets);
}

}  // namespace

torch::Tensor contrastive_objective(const PairBatch& batch, const NegativeBank* bank, const torch::Tensor& temperature,
                                    double soft_share, std::int64_t step, double age_horizon,
                                    const std::vector<std::uint32_t>& bits, const ContrastiveSettings& settings) {
  const bool use_bank = bank != nullptr && bank->size() > 0;
  const auto images = split_by_bits(batch.image, bits);
  const auto texts = split_by_bits(batch.text, bits);
  const auto teacher_images = split_by_bits(batch.teacher_image, bits);
  const auto teacher_texts = split_by_bits(batch.teacher_text, bits);
  Columns within{
      .same = batch.items.unsqueeze(1).eq(batch.items.unsqueeze(0)), .likeness = {}, .left_out = {}, .log_weight = {}};
  Columns beyond;
  std::vector<torch::Tensor> bank_images;
  std::vector<torch::Tensor> bank_texts;
  if (use_bank) {
    beyond.same = batch.items.unsqueeze(1).eq(torch::cat({batch.items, bank->items()}).unsqueeze(0));
    beyond.log_weight = torch::cat({torch::zeros({batch.items.size(0)}), bank->log_age_weights(step, age_horizon)});
    bank_images = split_by_bits(bank->image_keys(), bits);
    bank_texts = split_by_bits(bank->text_keys(), bits);
  }

  auto total = torch::zeros({});
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const auto image = unit_rows(images[i]);
    const auto text = unit_rows(texts[i]);
    const auto teacher_image = unit_rows(teacher_images[i]).detach();
    const auto teacher_text = unit_rows(teacher_texts[i]).detach();
    within.likeness = joint_similarity(teacher_image, teacher_text, teacher_image, teacher_text);
    const auto targets = softened_targets(within.same, within.likeness, soft_share, settings.soft_temperature);
    auto loss =
        contrast(image, text, targets, within, temperature) + contrast(text, image, targets, within, temperature);
    if (use_bank) {
      // Against the teacher's keys throughout: with the student's own keys for the batch, all
      // students could run away from the bank together at no cost.
      const auto image_keys = torch::cat({teacher_image, unit_rows(bank_images[i])});
      const auto text_keys = torch::cat({teacher_text, unit_rows(bank_texts[i])});
      beyond.likeness = joint_similarity(teacher_image, teacher_text, image_keys, text_keys);
      beyond.left_out = beyond.likeness.gt(settings.mask_above).logical_and(beyond.same.logical_not());
      const auto far_targets =
          softened_targets(beyond.same, beyond.likeness, soft_share, settings.soft_temperature, beyond.left_out);
      const auto far = contrast(image, text_keys, far_targets, beyond, temperature) +
                       contrast(text, image_keys, far_targets, beyond, temperature);
      loss = (1 - settings.bank_share) * loss + settings.bank_share * far;
    }
    total = total + loss / 2;
    if (settings.uniformity_weight > 0)
      total = total + settings.uniformity_weight * (uniformity_loss(image) + uniformity_loss(text)) / 2;
  }
  total = total / static_cast<double>(bits.size());
  return total + settings.quantization_weight * (quantization_loss(batch.image) + quantization_loss(batch.text)) / 2;
}

double pair_retrieval_score(const torch::Tensor& image, const torch::Tensor& text) {
  if (image.size(0) == 0) return 0;
  const torch::NoGradGuard no_grad;
  const auto signs = [](const torch::Tensor& values) { return values.ge(0).to(torch::kFloat32) * 2 - 1; };
  const auto agreement = signs(image).mm(signs(text).t());  // whole numbers: equal means tied
  double sum = 0;
  for (const std::int64_t direction : {1, 0}) {
    const auto own = agreement.diagonal().unsqueeze(direction);
    const auto better = agreement.gt(own).sum(direction);
    const auto tied = agreement.eq(own).sum(direction);  // itself among them
    sum += (better + (tied + 1) / 2.0).to(torch::kFloat64).reciprocal().mean().item<double>();
  }
  return sum / 2;
}

}  // namespace warifu
