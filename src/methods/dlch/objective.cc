#include "methods/dlch/objective.h"

#include "nn/contrastive_losses.h"
#include "nn/hash_head.h"
#include "nn/hash_losses.h"
#include "nn/label_similarity.h"

namespace warifu {

DlchTerms dlch_terms(const DlchBatch& batch, const std::vector<torch::Tensor>& words,
                     const std::vector<std::uint32_t>& bits, const DlchSettings& settings) {
  DlchTerms terms{torch::zeros({}), torch::zeros({}), torch::zeros({})};
  const auto shares = (1 - settings.class_smoothing) * even_label_shares(batch.labels) +
                      settings.class_smoothing / static_cast<double>(batch.labels.size(1));
  const auto labelled = batch.labels.sum(1).gt(0).to(torch::kFloat32);
  const auto parts = [&](const torch::Tensor& all) { return split_by_bits(all, bits); };
  const auto f = parts(batch.image), g = parts(batch.text), h = parts(batch.label);
  const auto image_buffer = parts(batch.image_buffer), text_buffer = parts(batch.text_buffer),
             label_buffer = parts(batch.label_buffer);
  const auto image_codes = parts(batch.image_codes), text_codes = parts(batch.text_codes);
  const double weight = 1 / static_cast<double>(bits.size());
  const auto similar = [&](const torch::Tensor& outputs, const torch::Tensor& buffer) {
    return rectified_cosine_loss(outputs, buffer, batch.similar);
  };
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const auto labels = settings.own_share * similar(h[i], label_buffer[i]) + similar(h[i], image_buffer[i]) +
                        settings.text_share * similar(h[i], text_buffer[i]);
    const auto images = settings.own_share * similar(f[i], image_buffer[i]) + similar(f[i], label_buffer[i]);
    const auto texts = settings.own_share * similar(g[i], text_buffer[i]) + similar(g[i], label_buffer[i]);
    terms.similarity = terms.similarity + settings.similarity_weight * weight * (labels + images + texts);
    terms.quantization =
        terms.quantization +
        settings.quantization_weight * weight *
            (code_quantization_loss(f[i], image_codes[i]) + code_quantization_loss(g[i], text_codes[i]) +
             (code_quantization_loss(h[i], image_codes[i]) + code_quantization_loss(h[i], text_codes[i])) / 2);
    if (settings.class_weight == 0) continue;
    for (const auto& codes : {f[i], g[i], h[i]}) {
      const auto losses = info_nce(settings.class_scale / bits[i] * codes.mm(words[i].t()), shares);
      terms.classes =
          terms.classes + settings.class_weight * weight * (losses * labelled).sum() / labelled.sum().clamp_min(1);
    }
  }
  return terms;
}

torch::Tensor update_loss(const torch::Tensor& outputs, const torch::Tensor& labels, const OldSums& sums,
                          const torch::Tensor& own_codes, const torch::Tensor& new_codes,
                          const torch::Tensor& new_labels, double old_items, const DlchSettings& settings) {
  const auto bits = static_cast<double>(outputs.size(1));
  const auto scale =
      1 / (bits * bits * static_cast<double>(outputs.size(0)) * (old_items + static_cast<double>(new_codes.size(0))));
  const auto f = outputs.to(torch::kFloat64);
  const auto similar = cosine_label_similarity(labels, new_labels).to(torch::kFloat64);
  const auto fresh = (bits * similar - f.mm(new_codes.to(torch::kFloat64).t())).square().sum();
  const auto gap = (own_codes.to(torch::kFloat64) - f).square().sum();
  const auto balance = f.sum(0).square().sum();
  return scale * (old_codes_loss(outputs, labels, sums) + settings.new_weight * fresh + settings.code_weight * gap +
                  settings.balance_weight * balance);
}

}  // namespace warifu
