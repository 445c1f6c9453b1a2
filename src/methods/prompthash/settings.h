#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "methods/named_settings.h"

namespace warifu {

// What the method leaves open, with the values it is shipped with (README.md says how each was
// chosen). Names of paper symbols in brackets.
struct PromptHashSettings {
  // strict: the code of a half is made from that half alone.
  // paper:  as released: from both halves of the pair and from the other pairs of the batch.
  // oracle: from the half and the labels of the item.
  std::string mode = "strict";

  // Parts that can be left out, to see what they bring.
  std::string prompts = "yes";
  std::string fusion = "yes";  // of tokens, by SSM and Transformer
  std::string ssm = "yes";     // in the fusion
  std::string pacl = "yes";    // the terms of affinity contrast, global and local

  int epochs = 15;
  std::int64_t batch = 128;
  double learning_rate = 2e-3;  // falls to 0 along a cosine
  double rate_warm_up = 0.05;   // share of all steps in which it rises
  double weight_decay = 1e-2;

  std::int64_t tokens = 4;   // made of the features of one half
  std::int64_t width = 128;  // of a token
  std::int64_t heads = 4;
  std::int64_t auxiliary_bits = 256;
  double spread_floor = 0.2;   // added to the spread of every column of features, as a share of the average one
  double image_dropout = 0.6;  // of features
  double text_dropout = 0.3;
  double token_dropout = 0.5;
  double block_dropout = 0.1;
  double mlp_dropout = 0.5;
  double pair_share = 0.5;  // of a batch that is also fused as pairs, for the codes of both halves

  double both_weight = 0.5;  // of the codes of both halves, beside 1 for each half
  double class_weight = 5;
  double class_scale = 8;                // of the logits of a code and the code words
  double class_smoothing = 0.1;          // share of the target spread over all classes
  double word_sharpness = 4;             // of the pull of alike classes
  double likelihood_weight = 0.1;        // [beta]
  double intra_share = 0.001;            // [gamma / beta]
  std::int64_t buffer_rows = 256;        // of the code buffers, drawn anew for each step
  double quantization_weight = 0.1;      // [eta]
  double reconstruction_weight = 0.005;  // [delta]
  double auxiliary_weight = 1;           // [mu]
  double global_weight = 0.2;            // [lambda_g]
  double local_weight = 0.2;             // [lambda_l]
  double temperature = 0.2;
  double affinity_weight = 0.5;

  bool has_prompts() const { return prompts == "yes"; }
  bool has_fusion() const { return fusion == "yes"; }
  bool has_ssm() const { return ssm == "yes"; }
  bool has_pacl() const { return pacl == "yes"; }
  bool is_paper() const { return mode == "paper"; }
  bool is_oracle() const { return mode == "oracle"; }

  // All of the above, to be chosen by name.
  std::vector<NamedSetting> named();
};

}  // namespace warifu
