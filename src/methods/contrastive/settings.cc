#include "methods/contrastive/settings.h"

namespace warifu {

std::vector<NamedSetting> ContrastiveSettings::named() {
  return {
      {"epochs", &epochs, 1, 100000},
      {"batch", &batch, 2, 1000000},
      {"learning_rate", &learning_rate, 0, 1e30},
      {"rate_warm_up", &rate_warm_up, 0, 1},
      {"weight_decay", &weight_decay, 0, 1},
      {"hidden", &hidden, 1, 65536},
      {"dropout", &dropout, 0, 0.99},
      {"spread_floor", &spread_floor, 0, 1000},
      {"temperature", &temperature, 0.001, 100},
      {"min_temperature", &min_temperature, 0.001, 100},
      {"max_temperature", &max_temperature, 0.001, 100},
      {"soft_share", &soft_share, 0, 1},
      {"soft_temperature", &soft_temperature, 0.001, 100},
      {"teacher_momentum", &teacher_momentum, 0, 1},
      {"teacher_warm_up", &teacher_warm_up, 0, 1},
      {"bank_share", &bank_share, 0, 1},
      {"bank_warm_up", &bank_warm_up, 0, 1},
      {"bank_horizon", &bank_horizon, 0.001, 1000000},
      {"bank_capacity", &bank_capacity, 0, 100000000},
      {"mask_above", &mask_above, -2, 2},
      {"quantization_weight", &quantization_weight, 0, 1000},
      {"uniformity_weight", &uniformity_weight, 0, 1000},
      {"patience", &patience, 1, 100000},
  };
}

}  // namespace warifu
