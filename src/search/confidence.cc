#include "search/confidence.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace warifu {
namespace {

using Features = ConfidenceModel::Weights;

constexpr int kNewtonSteps = 50;
constexpr double kRidge = 0.01;  // keeps weights finite where the outcomes can be separated
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

std::string kind_of(const HitEvidence& evidence) {
  if (evidence.asked_by_text && evidence.asked_by_picture) return "both";
  return evidence.asked_by_picture ? "picture" : "words";
}

Features features_of(const HitEvidence& e) {
  const double behind = e.distance - e.nearest;
  return {1, e.distance, e.nearest, behind * behind, e.words, e.words >= 1 ? 1.0 : 0.0};
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

double dot(const Features& a, const Features& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Solves matrix x = vector, symmetric and positive definite, by Cholesky.
Features solve(std::array<Features, ConfidenceModel::kFeatures> matrix, Features vector) {
  constexpr std::size_t n = ConfidenceModel::kFeatures;
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < j; ++k) matrix[j][j] -= matrix[j][k] * matrix[j][k];
    matrix[j][j] = std::sqrt(std::max(matrix[j][j], 1e-12));
    for (std::size_t i = j + 1; i < n; ++i) {
      for (std::size_t k = 0; k < j; ++k) matrix[i][j] -= matrix[i][k] * matrix[j][k];
      matrix[i][j] /= matrix[j][j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) vector[i] -= matrix[i][k] * vector[k];
    vector[i] /= matrix[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) vector[i] -= matrix[k][i] * vector[k];
    vector[i] /= matrix[i][i];
  }
  return vector;
}

// Newton's method on the ridge-penalised likelihood, which is concave.
Features fit_logistic(std::span<const ConfidenceModel::Example* const> examples) {
  Features weights{};
  for (int step = 0; step < kNewtonSteps; ++step) {
    std::array<Features, ConfidenceModel::kFeatures> curvature{};
    Features gradient{};
    for (std::size_t i = 0; i < weights.size(); ++i) {
      curvature[i][i] = kRidge;
      gradient[i] = -kRidge * weights[i];
    }
    for (const auto* example : examples) {
      const Features x = features_of(example->evidence);
      const double p = logistic(dot(weights, x));
      const double error = (example->right ? 1.0 : 0.0) - p;
      for (std::size_t i = 0; i < x.size(); ++i) {
        gradient[i] += error * x[i];
        for (std::size_t j = 0; j < x.size(); ++j) curvature[i][j] += p * (1 - p) * x[i] * x[j];
      }
    }
    const Features change = solve(curvature, gradient);
    double largest = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] += change[i];
      largest = std::max(largest, std::abs(change[i]));
    }
    if (largest < 1e-9) break;
  }
  return weights;
}

}  // namespace

std::string_view confidence_name(Confidence confidence) {
  switch (confidence) {
    case Confidence::kLikely:
      return "likely";
    case Confidence::kUnsure:
      return "unsure";
    case Confidence::kWeak:
      return "weak";
  }
  return "weak";
}

Confidence confidence_of(double probability) {
  if (probability >= 2.0 / 3) return Confidence::kLikely;
  return probability >= 1.0 / 3 ? Confidence::kUnsure : Confidence::kWeak;
}

Result<ConfidenceModel> ConfidenceModel::fit(std::span<const Example> examples) {
  std::map<std::string, std::vector<const Example*>> kinds;
  for (const Example& example : examples) kinds[kind_of(example.evidence)].push_back(&example);
  ConfidenceModel model;
  for (const auto& [kind, some] : kinds) {
    const auto right = std::ranges::count_if(some, [](const Example* example) { return example->right; });
    if (right == 0 || right == std::ssize(some)) continue;
    model.weights_[kind] = fit_logistic(some);
  }
  if (model.weights_.empty())
    return fail(ErrorCode::kNotFound,
                "there are no hits to learn from how sure a hit is: of no kind of query some are "
                "right and some wrong");
  return model;
}

std::optional<double> ConfidenceModel::probability(const HitEvidence& evidence) const {
  const auto found = weights_.find(kind_of(evidence));
  if (found == weights_.end()) return std::nullopt;
  return logistic(dot(found->second, features_of(evidence)));
}

Result<ConfidenceModel> ConfidenceModel::load(const std::filesystem::path& file) {
  const auto text = read_text_file(file, kMaxFileBytes);
  if (!text) return std::unexpected(text.error());
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  try {
    ConfidenceModel model;
    model.code_weight = json.at("code_weight").get<double>();
    model.word_weight = json.at("word_weight").get<double>();
    model.fingerprint = json.at("fingerprint").get<std::string>();
    for (const auto& [kind, weights] : json.at("weights").items()) model.weights_[kind] = weights.get<Weights>();
    return model;
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorCode::kBadFormat, file.string() + ": " + error.what(), "run 'warifu calibrate' again");
  }
}

Result<void> ConfidenceModel::save(const std::filesystem::path& file) const {
  nlohmann::ordered_json json = {
      {"fingerprint", fingerprint}, {"code_weight", code_weight}, {"word_weight", word_weight}, {"weights", weights_}};
  return write_file_atomically(file, json.dump(2) + "\n");
}

std::vector<ReliabilityBin> reliability(const ConfidenceModel& model,
                                        std::span<const ConfidenceModel::Example> examples, std::size_t bins) {
  std::vector<ReliabilityBin> curve(bins);
  for (const auto& example : examples) {
    const auto probability = model.probability(example.evidence);
    if (!probability) continue;
    const auto place = static_cast<std::size_t>(*probability * static_cast<double>(bins));
    ReliabilityBin& bin = curve[std::min(place, bins - 1)];
    bin.predicted += *probability;
    bin.observed += example.right ? 1 : 0;
    ++bin.hits;
  }
  std::erase_if(curve, [](const ReliabilityBin& bin) { return bin.hits == 0; });
  for (ReliabilityBin& bin : curve) {
    bin.predicted /= static_cast<double>(bin.hits);
    bin.observed /= static_cast<double>(bin.hits);
  }
  return curve;
}

double expected_calibration_error(std::span<const ReliabilityBin> bins) {
  double error = 0;
  double hits = 0;
  for (const ReliabilityBin& bin : bins) {
    error += std::abs(bin.predicted - bin.observed) * static_cast<double>(bin.hits);
    hits += static_cast<double>(bin.hits);
  }
  return hits > 0 ? error / hits : 0;
}

}  // namespace warifu
