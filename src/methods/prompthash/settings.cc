#include "methods/prompthash/settings.h"

#include <array>

namespace warifu {
namespace {

constexpr std::array<std::string_view, 3> kModes = {"strict", "paper", "oracle"};

}  // namespace

std::vector<NamedSetting> PromptHashSettings::named() {
  return {
      {"mode", NamedChoice{&mode, kModes}},
      {"prompts", NamedChoice{&prompts, kYesNo}},
      {"fusion", NamedChoice{&fusion, kYesNo}},
      {"ssm", NamedChoice{&ssm, kYesNo}},
      {"pacl", NamedChoice{&pacl, kYesNo}},
      {"epochs", &epochs, 1, 100000},
      {"batch", &batch, 2, 1000000},
      {"learning_rate", &learning_rate, 0, 1e30},
      {"rate_warm_up", &rate_warm_up, 0, 1},
      {"weight_decay", &weight_decay, 0, 1},
      {"tokens", &tokens, 1, 64},
      {"width", &width, 1, 4096},
      {"heads", &heads, 1, 64},
      {"auxiliary_bits", &auxiliary_bits, 1, 4096},
      {"spread_floor", &spread_floor, 0, 1000},
      {"image_dropout", &image_dropout, 0, 0.99},
      {"text_dropout", &text_dropout, 0, 0.99},
      {"token_dropout", &token_dropout, 0, 0.99},
      {"block_dropout", &block_dropout, 0, 0.99},
      {"mlp_dropout", &mlp_dropout, 0, 0.99},
      {"pair_share", &pair_share, 0.01, 1},
      {"both_weight", &both_weight, 0, 1000},
      {"class_weight", &class_weight, 0, 1000},
      {"class_scale", &class_scale, 0.001, 1000},
      {"class_smoothing", &class_smoothing, 0, 1},
      {"word_sharpness", &word_sharpness, 0, 100},
      {"likelihood_weight", &likelihood_weight, 0, 1000},
      {"intra_share", &intra_share, 0, 1000},
      {"buffer_rows", &buffer_rows, 1, 100000000},
      {"quantization_weight", &quantization_weight, 0, 1000},
      {"reconstruction_weight", &reconstruction_weight, 0, 1000},
      {"auxiliary_weight", &auxiliary_weight, 0, 1000},
      {"global_weight", &global_weight, 0, 1000},
      {"local_weight", &local_weight, 0, 1000},
      {"temperature", &temperature, 0.001, 100},
      {"affinity_weight", &affinity_weight, 0, 1000},
  };
}

}  // namespace warifu
