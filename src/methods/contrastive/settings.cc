#include "methods/contrastive/settings.h"

#include <array>

namespace warifu {
namespace {

constexpr std::array<std::string_view, 7> kLosses = {"infonce", "siglip",  "rince", "rcl-log",
                                                     "rcl-gce", "rcl-tan", "tal"};

constexpr std::array<std::string_view, 2> kLabelSchedules = {"none", "few"};

}  // namespace

std::vector<NamedSetting> ContrastiveSettings::named() {
  return {
      {"epochs", &epochs, 1, 100000},
      {"batch", &batch, 2, 1000000},
      {"learning_rate", &learning_rate, 0, 1e30},
      {"rate_warm_up", &rate_warm_up, 0, 1},
      {"weight_decay", &weight_decay, 0, 1},
      {"hidden", &hidden, 1, kMaxHidden},
      {"dropout", &dropout, 0, 0.99},
      {"spread_floor", &spread_floor, 0, 1000},
      {"loss", NamedChoice{&loss, kLosses}},
      {"rince_q", &rince_q, 0.001, 1},
      {"rince_lambda", &rince_lambda, 1e-6, 1000},
      {"gce_q", &gce_q, 0.001, 1},
      {"margin", &margin, 0, 2},
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
      {"consistency_weight", &consistency_weight, 0, 1000},
      {"clean_after", &clean_after, -1, 100000},
      {"clean_momentum", &clean_momentum, 0, 1},
      {"clean_floor", &clean_floor, 0, 1},
      {"patience", &patience, 1, 100000},
      {"start_decay", &start_decay, 0, 1e12},
      {"head_epochs", &head_epochs, 0, 100000},
      {"tune_rate", &tune_rate, 0, 1000},
      {"interpolation", &interpolation, 0, 1},
      {"label_schedule", NamedChoice{&label_schedule, kLabelSchedules}},
      {"label_limit", &label_limit, 0, 1000000000},
  };
}

}  // namespace warifu
