#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "methods/named_settings.h"

namespace warifu {

// What the method leaves open, with the values it is shipped with (README.md says how they were chosen). Names of
// paper symbols in brackets.
struct DlchSettings {
  // --- the first generation ---
  int epochs = 20;
  std::int64_t batch = 128;
  double learning_rate = 1e-3;  // falls to 0 along half a cosine
  double weight_decay = 1e-4;
  std::int64_t hidden = 512;        // units of each branch
  std::int64_t label_hidden = 256;  // of the label network
  double spread_floor = 0.2;        // added to the spread of every column of features, as a share of the average one
  std::int64_t whitening = 512;     // components that the input layer keeps; 0: it only centres
  std::int64_t whitening_width = 2048;  // wider features are only centred
  double whitening_floor = 0.2;         // added to each component's variance, as a share of the average one
  double image_dropout = 0.3;           // of the input
  double text_dropout = 0.3;
  double hidden_dropout = 0.5;
  double class_weight = 1;           // of the cross-entropy over class code words; 0: the paper's objective alone
  double class_scale = 12;           // of the logits of a code and the code words
  double class_smoothing = 0.1;      // share of the target spread over all classes
  double word_sharpness = 4;         // how much alike classes get near words; 0: dealt at random
  double similarity_weight = 0.1;    // of all terms J
  double own_share = 10;             // [eta] of J within a network
  double text_share = 10;            // [gamma] of J of labels with texts
  double quantization_weight = 0.2;  // [mu]
  std::int64_t buffer_rows = 256;    // of the buffers, drawn for each step

  // --- updates ---
  int update_epochs = 5;
  double update_rate = 0.05;
  std::int64_t sample = 2000;  // [m] most new items that an epoch looks at
  double new_weight = 0.1;     // [epsilon] of the new codes' term
  double code_weight = 10;     // [alpha], [gamma of the discrete step] of ||B - F||^2
  double balance_weight = 1;   // [beta] of ||F^T 1||^2
  double gate_ridge = 0.05;    // added to the variance of each input
  double gate_share = 0.3;     // of a typical item's score, from which on a gate opens
  double gate_guard = 1.5;     // standard deviations of old items' scores that it stays above
  double gate_gain = 1.4;      // what an open gate adds, times the code word
  double word_distance = 0.4;  // least share of bits in which code words of new classes differ from all others

  // All of the above, to be chosen by name.
  std::vector<NamedSetting> named();
  // Those that an update reads.
  std::vector<NamedSetting> named_of_updates();
};

}  // namespace warifu
