#include "methods/dmmh/settings.h"

#include <array>

namespace warifu {
namespace {

constexpr std::array<std::string_view, 3> kFusions = {"gated", "additive", "concatenation"};

}  // namespace

std::vector<NamedSetting> DmmhSettings::named() {
  return {
      {"fusion", NamedChoice{&fusion, kFusions}},
      {"mamba", NamedChoice{&mamba, kYesNo}},
      {"epochs", &epochs, 1, 100000},
      {"batch", &batch, 2, 1000000},
      {"learning_rate", &learning_rate, 0, 1e30},
      {"rate_warm_up", &rate_warm_up, 0, 1},
      {"weight_decay", &weight_decay, 0, 1},
      {"hidden", &hidden, 1, 65536},
      {"tokens", &tokens, 1, 4096},
      {"width", &width, 2, 4096},
      {"layers", &layers, 1, 16},
      {"spread_floor", &spread_floor, 0, 1000},
      {"image_dropout", &image_dropout, 0, 0.99},
      {"text_dropout", &text_dropout, 0, 0.99},
      {"hidden_dropout", &hidden_dropout, 0, 0.99},
      {"image_weight", &image_weight, 0, 1000},
      {"text_weight", &text_weight, 0, 1000},
      {"similarity_weight", &similarity_weight, 0, 1000000},
      {"classifier_weight", &classifier_weight, 0, 1000000},
      {"word_weight", &word_weight, 0, 1000000},
      {"word_scale", &word_scale, 0.001, 1000},
      {"word_smoothing", &word_smoothing, 0, 1},
      {"quantization_weight", &quantization_weight, 0, 1000000},
  };
}

}  // namespace warifu
