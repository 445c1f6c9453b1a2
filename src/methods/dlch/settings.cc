#include "methods/dlch/settings.h"

namespace warifu {

std::vector<NamedSetting> DlchSettings::named() {
  std::vector<NamedSetting> all = {
      {"epochs", &epochs, 1, 100000},
      {"learning_rate", &learning_rate, 0, 1e30},
      {"weight_decay", &weight_decay, 0, 1},
      {"hidden", &hidden, 1, 65536},
      {"label_hidden", &label_hidden, 1, 65536},
      {"spread_floor", &spread_floor, 0, 1000},
      {"whitening", &whitening, 0, 65536},
      {"whitening_width", &whitening_width, 1, 8192},
      {"whitening_floor", &whitening_floor, 1e-6, 1000},
      {"image_dropout", &image_dropout, 0, 0.99},
      {"text_dropout", &text_dropout, 0, 0.99},
      {"hidden_dropout", &hidden_dropout, 0, 0.99},
      {"class_weight", &class_weight, 0, 1000},
      {"class_scale", &class_scale, 0.001, 1000},
      {"class_smoothing", &class_smoothing, 0, 1},
      {"word_sharpness", &word_sharpness, 0, 100},
      {"similarity_weight", &similarity_weight, 0, 1000},
      {"own_share", &own_share, 0, 1000},
      {"text_share", &text_share, 0, 1000},
      {"quantization_weight", &quantization_weight, 0, 1000},
      {"buffer_rows", &buffer_rows, 1, 100000000},
  };
  for (const NamedSetting& one : named_of_updates()) all.push_back(one);
  return all;
}

std::vector<NamedSetting> DlchSettings::named_of_updates() {
  return {
      {"batch", &batch, 2, 1000000},
      {"update_epochs", &update_epochs, 1, 100000},
      {"update_rate", &update_rate, 0, 1000},
      {"sample", &sample, 1, 100000000},
      {"new_weight", &new_weight, 0, 1000},
      {"code_weight", &code_weight, 0, 100000},
      {"balance_weight", &balance_weight, 0, 100000},
      {"gate_ridge", &gate_ridge, 1e-6, 1000},
      {"gate_share", &gate_share, 0, 1},
      {"gate_guard", &gate_guard, 0, 100},
      {"gate_gain", &gate_gain, 0, 10000},
      {"word_distance", &word_distance, 0, 0.5},
  };
}

}  // namespace warifu
