#include "methods/contrastive/objective.h"

#include "methods/contrastive/label_schedule.h"
#include "nn/contrastive_losses.h"
#include "nn/hash_head.h"
#include "nn/losses.h"

namespace warifu {
namespace {

// Both halves of a pair speak: a pair is like another when its pictures are and its texts are.
torch::Tensor joint_similarity(const torch::Tensor& image, const torch::Tensor& text, const torch::Tensor& image_keys,
                               const torch::Tensor& text_keys) {
  return (image.mm(image_keys.t()) + text.mm(text_keys.t())) / 2;
}

// The chosen loss of each row, one direction: queries [rows, bits] and keys [columns, bits] of length 1.
torch::Tensor row_losses(const torch::Tensor& queries, const torch::Tensor& keys, const ContrastColumns& columns,
                         const torch::Tensor& targets, const ObjectivePlace& place,
                         const ContrastiveSettings& settings) {
  const auto similarity = queries.mm(keys.t());
  const auto& loss = settings.loss;
  if (loss == "infonce") return info_nce(similarity / place.temperature, targets, columns.left_out, columns.log_weight);
  if (loss == "siglip")
    return siglip(similarity, place.temperature.reciprocal(), place.bias, columns, similarity.size(0));
  // Of the others the temperature is a constant: they could be made small by it alone.
  const double temperature = place.temperature.item<double>();
  if (loss == "tal") return triplet_alignment_loss(similarity, columns, temperature, settings.margin);
  const auto logits = similarity / temperature;
  if (loss == "rince") return rince(logits, columns, settings.rince_q, settings.rince_lambda, 1 / temperature);
  if (loss == "rcl-log") return complementary_log(logits, columns);
  if (loss == "rcl-gce") return complementary_gce(logits, columns, settings.gce_q);
  if (loss == "rcl-tan") return complementary_tan(logits, columns);
  TORCH_CHECK(false, "unknown loss ", loss);
}

// The two directions of one contrast, a float [rows].
struct Sides {
  torch::Tensor image, text;            // queries
  torch::Tensor image_keys, text_keys;  // what they are compared with
};

torch::Tensor symmetric_losses(const Sides& sides, const ContrastColumns& columns, const torch::Tensor& targets,
                               const ObjectivePlace& place, const ContrastiveSettings& settings) {
  return (row_losses(sides.image, sides.text_keys, columns, targets, place, settings) +
          row_losses(sides.text, sides.image_keys, columns, targets, place, settings)) /
         2;
}

torch::Tensor weighted_mean(const torch::Tensor& rows, const torch::Tensor& weights) {
  if (!weights.defined()) return rows.mean();
  return (rows * weights).sum() / weights.sum().clamp_min(1e-6);
}

// Whoever shares a label is as right as the own half (P. Khosla et al., "Supervised Contrastive Learning", NeurIPS
// 2020, across modalities), as far as its own pair is clean: else its two halves are not alike. Always InfoNCE:
// labels are no noisy pairs.
torch::Tensor labelled_loss(const torch::Tensor& image, const torch::Tensor& text, const LabelledItems& labelled,
                            const torch::Tensor& temperature) {
  const auto alike = labelled.clean.defined() ? labelled.alike * labelled.clean.unsqueeze(0) : labelled.alike;
  const auto targets = alike / alike.sum(1, /*keepdim=*/true).clamp_min(1e-12);
  const auto logits = image.mm(text.t()) / temperature;
  return weighted_mean((info_nce(logits, targets) + info_nce(logits.t(), targets)) / 2, labelled.clean);
}

}  // namespace

torch::Tensor contrastive_objective(const PairBatch& batch, const ObjectivePlace& place,
                                    const std::vector<std::uint32_t>& bits, const ContrastiveSettings& settings) {
  const bool use_bank = place.bank != nullptr && place.bank->size() > 0;
  const auto images = split_by_bits(batch.image, bits);
  const auto texts = split_by_bits(batch.text, bits);
  const auto teacher_images = split_by_bits(batch.teacher_image, bits);
  const auto teacher_texts = split_by_bits(batch.teacher_text, bits);
  ContrastColumns within{
      .positive = batch.items.unsqueeze(1).eq(batch.items.unsqueeze(0)), .left_out = {}, .log_weight = {}};
  ContrastColumns beyond;
  std::vector<torch::Tensor> bank_images;
  std::vector<torch::Tensor> bank_texts;
  if (use_bank) {
    beyond.positive = batch.items.unsqueeze(1).eq(torch::cat({batch.items, place.bank->items()}).unsqueeze(0));
    beyond.log_weight =
        torch::cat({torch::zeros({batch.items.size(0)}), place.bank->log_age_weights(place.step, place.age_horizon)});
    bank_images = split_by_bits(place.bank->image_keys(), bits);
    bank_texts = split_by_bits(place.bank->text_keys(), bits);
  }
  // What a pair says of another: too alike to be pushed away, or half as right as its own.
  const auto contrast = [&](const Sides& sides, ContrastColumns& columns, const torch::Tensor& likeness) {
    columns.left_out = settings.mask_above < 1
                           ? likeness.gt(settings.mask_above).logical_and(columns.positive.logical_not())
                           : torch::Tensor();
    torch::Tensor targets;  // the other losses know partners alone
    if (settings.loss == "infonce")
      targets =
          softened_targets(columns.positive, likeness, place.soft_share, settings.soft_temperature, columns.left_out);
    return weighted_mean(symmetric_losses(sides, columns, targets, place, settings), batch.clean);
  };

  const bool use_labels = batch.labelled.image.defined() && batch.labelled.weight > 0;
  std::vector<torch::Tensor> labelled_images;
  std::vector<torch::Tensor> labelled_texts;
  if (use_labels) {
    labelled_images = split_by_bits(batch.labelled.image, bits);
    labelled_texts = split_by_bits(batch.labelled.text, bits);
  }

  auto total = torch::zeros({});
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const auto image = unit_rows(images[i]);
    const auto text = unit_rows(texts[i]);
    const auto teacher_image = unit_rows(teacher_images[i]).detach();
    const auto teacher_text = unit_rows(teacher_texts[i]).detach();
    auto loss = contrast({image, text, image, text}, within,
                         joint_similarity(teacher_image, teacher_text, teacher_image, teacher_text));
    if (use_bank) {
      // Against the teacher's keys throughout: with the student's own keys for the batch, all
      // students could run away from the bank together at no cost.
      const auto image_keys = torch::cat({teacher_image, unit_rows(bank_images[i])});
      const auto text_keys = torch::cat({teacher_text, unit_rows(bank_texts[i])});
      const auto far = contrast({image, text, image_keys, text_keys}, beyond,
                                joint_similarity(teacher_image, teacher_text, image_keys, text_keys));
      loss = (1 - settings.bank_share) * loss + settings.bank_share * far;
    }
    if (use_labels) {
      // Of the robust losses the temperature is a constant, here as well.
      const auto temperature = settings.loss == "infonce" ? place.temperature : place.temperature.detach();
      const auto by_labels =
          labelled_loss(unit_rows(labelled_images[i]), unit_rows(labelled_texts[i]), batch.labelled, temperature);
      loss = LabelSchedule::pair_weight_beside(batch.labelled.weight) * loss + batch.labelled.weight * by_labels;
    }
    total = total + loss;
    if (settings.consistency_weight > 0)
      total = total + settings.consistency_weight * (in_modal_consistency(image.mm(image.t()), text.mm(text.t())) +
                                                     cross_modal_consistency(image.mm(text.t())))
                                                        .mean();
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
