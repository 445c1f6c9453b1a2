#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "methods/named_settings.h"

namespace warifu {

inline constexpr std::int64_t kMaxHidden = 65536;

// What the method leaves open, with the values it is shipped with (README.md says how each was
// chosen). Names of paper symbols in brackets.
struct ContrastiveSettings {
  int epochs = 20;
  std::int64_t batch = 64;
  double learning_rate = 1e-3;  // falls to 0 along a cosine
  double rate_warm_up = 0;      // share of all steps in which it rises
  double weight_decay = 1e-4;
  std::int64_t hidden = 1024;
  double dropout = 0.3;
  double spread_floor = 0.2;  // added to the spread of every column of features, as a share of the average one

  std::string loss = "infonce";  // or siglip, rince, rcl-log, rcl-gce, rcl-tan, tal: nn/contrastive_losses.h
  double rince_q = 0.6;
  double rince_lambda = 0.01;
  double gce_q = 0.5;
  double margin = 0.1;  // of tal

  double temperature = 0.4;       // [tau] at the start; learnt by infonce and siglip
  double min_temperature = 0.25;  // instance discrimination below, see README.md
  double max_temperature = 0.5;

  double soft_share = 0.3;         // [alpha] of the target that the teacher gives, after the first epoch
  double soft_temperature = 0.2;   // of the teacher's similarities
  double teacher_momentum = 0.99;  // [m]
  double teacher_warm_up = 0;      // share of all steps before it speaks

  double bank_share = 0.5;    // weight of the loss against the bank; the batch has the rest
  double bank_warm_up = 0.1;  // share of all steps before the bank is used
  double bank_horizon = 0.5;  // epochs after which a key counts 1/e
  std::int64_t bank_capacity = 2048;
  double mask_above = 2;  // a key is no negative when its pair is more similar to the query's than this; 2: never

  double quantization_weight = 0.2;
  double uniformity_weight = 0.0;
  double consistency_weight = 0.0;

  // How likely each pair is to be right, by a mixture of two kinds of losses, and how much it may teach.
  int clean_after = 3;          // epochs before it is asked; negative: never
  double clean_momentum = 0.5;  // of a pair's loss over epochs
  double clean_floor = 0.0;     // least weight of a pair

  int patience = 10;  // epochs without a better validation score before it stops

  // Going on from a trained space (TrainOptions::start_from). Without one they change nothing. `hidden`, the
  // standardisation of features and, unless chosen, `temperature` are the start's.
  double start_decay = 0;    // strength of the pull of each weight to where it started, after each step: L2-SP; less
                             // where a label schedule finds many labels (label_schedule.h)
  int head_epochs = 0;       // first epochs in which only the hash heads learn: LP-FT
  double tune_rate = 1;      // of the rate, for all weights, in the epochs after those
  double interpolation = 1;  // share of the tuned weights in the result, the start has the rest: WiSE-FT. Code lengths
                             // that the start lacks are not mixed, but what they stand on is: below 1 they suffer

  // "few": labels of some training items teach beside the pairs, the more the more there are of them
  // (label_schedule.h); "none": labels are not read.
  std::string label_schedule = "none";
  std::int64_t label_limit = 0;  // only so many items keep their labels, drawn by seed; 0: all. To measure with

  // All of the above, to be chosen by name.
  std::vector<NamedSetting> named();
};

}  // namespace warifu
