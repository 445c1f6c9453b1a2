#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// What is known of one hit when its confidence is asked for; all of it is made from what the searcher may see.
struct HitEvidence {
  double distance = 1;         // of the codes, over bits, in [0, 1]; 1 where the code channel did not find it
  double nearest = 1;          // that of the query's nearest hit
  double words = 0;            // share of the query's words that the item has, in [0, 1]
  bool asked_by_text = false;  // the query has words
  bool asked_by_picture = false;
};

// In words, for people: at least 2 of 3 such hits are right; at least 1 of 3; fewer.
enum class Confidence { kLikely, kUnsure, kWeak };
std::string_view confidence_name(Confidence confidence);  // "likely", "unsure", "weak"
Confidence confidence_of(double probability);

// One bin of a reliability curve: of the hits whose probability lay in it, how many were right.
struct ReliabilityBin {
  double predicted = 0;  // mean probability
  double observed = 0;   // share that was right
  std::size_t hits = 0;
};

// Turns evidence into the probability that the hit is right: a logistic model for each kind of query (words, picture,
// both), fitted on hits of validation pairs (Platt, 1999, on several features instead of one; with a small ridge so
// that separable data stay finite).
//
// Thread safety: read only.
class ConfidenceModel {
 public:
  static constexpr std::size_t kFeatures = 6;
  using Weights = std::array<double, kFeatures>;

  struct Example {
    HitEvidence evidence;
    bool right = false;
  };

  // Fits the kinds of queries that have examples of both outcomes; kNotFound where none has.
  static Result<ConfidenceModel> fit(std::span<const Example> examples);

  // Nothing for a kind of query that was not fitted.
  std::optional<double> probability(const HitEvidence& evidence) const;

  // confidence.json of a space. kNotFound where there is none, kBadFormat.
  static Result<ConfidenceModel> load(const std::filesystem::path& file);
  Result<void> save(const std::filesystem::path& file) const;

  // What the code and the word channel weigh when their rankings are joined, chosen on the same validation pairs.
  double code_weight = 1;
  double word_weight = 1;
  std::string fingerprint;  // of the space that it was measured on

 private:
  std::map<std::string, Weights> weights_;  // by kind of query
};

// Bins of equal width over [0, 1]; empty ones are left out.
std::vector<ReliabilityBin> reliability(const ConfidenceModel& model,
                                        std::span<const ConfidenceModel::Example> examples, std::size_t bins = 10);

// The mean distance between predicted and observed over the bins, weighted by their hits (Naeini et al., 2015).
double expected_calibration_error(std::span<const ReliabilityBin> bins);

}  // namespace warifu
