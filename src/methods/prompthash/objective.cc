#include "methods/prompthash/objective.h"

#include "nn/contrastive_losses.h"
#include "nn/hash_head.h"
#include "nn/hash_losses.h"
#include "nn/label_similarity.h"
#include "nn/losses.h"

namespace warifu {
namespace {

void add(torch::Tensor& sum, const torch::Tensor& part) { sum = sum.defined() ? sum + part : part; }

// The labels of an item evenly, a share of it over all classes.
torch::Tensor class_targets(const torch::Tensor& labels, double smoothing) {
  return (1 - smoothing) * even_label_shares(labels) + smoothing / static_cast<double>(labels.size(1));
}

// Mean cross-entropy over the rows that have a label.
torch::Tensor class_loss(const torch::Tensor& logits, const torch::Tensor& targets, const torch::Tensor& labelled) {
  return (info_nce(logits, targets) * labelled).sum() / labelled.sum().clamp_min(1);
}

// Both ways between the rows of a and b, [B, W] each.
torch::Tensor affinity_contrast(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& targets,
                                const torch::Tensor& temperature) {
  const auto logits = unit_rows(a).mm(unit_rows(b).t()) / temperature;
  return (info_nce(logits, targets).mean() + info_nce(logits.t(), targets).mean()) / 2;
}

}  // namespace

torch::Tensor PromptHashTerms::sum() const {
  torch::Tensor sum;
  for (const auto& term : {classes, likelihood, quantization, reconstruction, global, local, affinity})
    if (term.defined()) add(sum, term);
  return sum;
}

PromptHashTerms prompthash_terms(const PromptHashBatch& batch, const std::vector<torch::Tensor>& words,
                                 const std::vector<std::uint32_t>& bits, const PromptHashSettings& settings) {
  PromptHashTerms terms;
  const auto targets = class_targets(batch.labels, settings.class_smoothing);
  const auto labelled = batch.labels.sum(1).gt(0).to(torch::kFloat32);
  const std::int64_t pairs = batch.both.size(0);
  const auto images = split_by_bits(batch.image, bits);
  const auto texts = split_by_bits(batch.text, bits);
  const auto boths = split_by_bits(batch.both, bits);
  const auto image_buffers = split_by_bits(batch.image_buffer, bits);
  const auto text_buffers = split_by_bits(batch.text_buffer, bits);
  const auto signs = split_by_bits(batch.targets, bits);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const bool auxiliary = i + 1 == bits.size();
    const double weight = (auxiliary ? settings.auxiliary_weight : 1.0) / static_cast<double>(bits.size());
    const auto& image = images[i];
    const auto& text = texts[i];
    const auto& both = boths[i];

    const auto class_of = [&](const torch::Tensor& codes) {
      const auto logits = settings.class_scale / bits[i] * codes.mm(words[i].t());
      return class_loss(logits, targets.narrow(0, 0, codes.size(0)), labelled.narrow(0, 0, codes.size(0)));
    };
    add(terms.classes,
        settings.class_weight * weight * (class_of(image) + class_of(text) + settings.both_weight * class_of(both)));

    const auto inter = pairwise_likelihood_loss(image_buffers[i], text, batch.buffer_similar) +
                       pairwise_likelihood_loss(text_buffers[i], image, batch.buffer_similar);
    const auto intra = pairwise_likelihood_loss(image_buffers[i], image, batch.buffer_similar) +
                       pairwise_likelihood_loss(text_buffers[i], text, batch.buffer_similar);
    add(terms.likelihood, settings.likelihood_weight * weight * (inter + settings.intra_share * intra));

    add(terms.quantization, settings.quantization_weight * weight *
                                (code_quantization_loss(image, signs[i]) + code_quantization_loss(text, signs[i]) +
                                 settings.both_weight * code_quantization_loss(both, signs[i].narrow(0, 0, pairs))));

    if (auxiliary) continue;
    for (const auto& decoded : {batch.decoded[2 * i], batch.decoded[2 * i + 1]})
      add(terms.reconstruction,
          settings.reconstruction_weight * weight * code_quantization_loss(decoded, signs.back()));
  }
  const PromptHashOutputs& outputs = batch.outputs;
  if (settings.has_pacl()) {
    const auto shares = batch.similar / batch.similar.sum(1, /*keepdim=*/true);
    terms.global = settings.global_weight *
                   affinity_contrast(outputs.image, outputs.text, shares, torch::full({}, settings.temperature));
    const auto local = [&](const torch::Tensor& half, const torch::Tensor& prompt) {
      if (!prompt.defined()) return;
      const auto temperature = affinity_temperature(unit_rows(half), unit_rows(prompt), settings.temperature);
      add(terms.local, settings.local_weight * affinity_contrast(half, prompt, shares, temperature));
    };
    local(outputs.image, outputs.text_prompt);
    local(outputs.text, outputs.image_prompt);
  }
  for (const auto& affinity : {outputs.image_affinity, outputs.text_affinity})
    if (affinity.defined()) add(terms.affinity, settings.affinity_weight * class_loss(affinity, targets, labelled));
  return terms;
}

}  // namespace warifu
