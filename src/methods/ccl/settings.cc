#include "methods/ccl/settings.h"

#include <array>

namespace warifu {
namespace {

constexpr std::array<std::string_view, 2> kPooling = {"mean", "attention"};
constexpr std::array<std::string_view, 2> kBalance = {"uncertainty", "fixed"};

}  // namespace

std::vector<NamedSetting> CclSettings::named() {
  return {
      {"patches", NamedChoice{&patches, kYesNo}},
      {"phrases", NamedChoice{&phrases, kYesNo}},
      {"grid", &grid, 2, 8},
      {"phrase_count", &phrase_count, 1, 64},
      {"pooling", NamedChoice{&pooling, kPooling}},
      {"stage1", NamedChoice{&stage1, kYesNo}},
      {"balance", NamedChoice{&balance, kBalance}},
      {"labels", NamedChoice{&labels, kYesNo}},
      {"label_limit", &label_limit, 0, 1000000000},
      {"stage1_epochs", &stage1_epochs, 0, 100000},
      {"epochs", &epochs, 1, 100000},
      {"batch", &batch, 2, 1000000},
      {"learning_rate", &learning_rate, 0, 1e30},
      {"rate_warm_up", &rate_warm_up, 0, 1},
      {"weight_decay", &weight_decay, 0, 1},
      {"width", &width, 1, 4096},
      {"power", &power, 0.01, 4},
      {"spread_floor", &spread_floor, 0, 1000},
      {"image_dropout", &image_dropout, 0, 0.99},
      {"text_dropout", &text_dropout, 0, 0.99},
      {"hidden_dropout", &hidden_dropout, 0, 0.99},
      {"correlation", &correlation, 0, 1},
      {"margin", &margin, 0.001, 2},
      {"class_scale", &class_scale, 0.001, 1000},
      {"class_smoothing", &class_smoothing, 0, 1},
      {"sharpness", &sharpness, 0.001, 100},
      {"temperature", &temperature, 0.001, 100},
      {"code_weight", &code_weight, 0, 1000},
      {"code_scale", &code_scale, 0.001, 1000},
      {"word_sharpness", &word_sharpness, 0, 100},
      {"quantization_weight", &quantization_weight, 0, 1000},
  };
}

}  // namespace warifu
