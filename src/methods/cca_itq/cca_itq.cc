#include "methods/cca_itq/cca_itq.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "methods/hash_encoder.h"
#include "nn/single_threaded_tensors.h"
#include "nn/tensor_io.h"

namespace warifu {
namespace {

// Features are only centred: no cut.
constexpr float kNoLimit = 3e38F;

// C^(-1/2) of a symmetric positive semi-definite matrix with `ridge` times its mean diagonal added.
torch::Tensor inverse_root(const torch::Tensor& covariance, double ridge) {
  const double unit = std::max(covariance.diagonal().mean().item<double>(), 1e-12);
  const auto ridged = covariance + ridge * unit * torch::eye(covariance.size(0), covariance.options());
  const auto [values, vectors] = at::linalg_eigh(ridged);
  return vectors.mm(torch::diag(values.clamp_min(1e-12 * unit).rsqrt())).mm(vectors.t());
}

torch::Tensor unit_rows(const torch::Tensor& rows) { return rows / rows.norm(2, 1, /*keepdim=*/true).clamp_min(1e-12); }

// Standard normal [rows, cols] by Box-Muller from our own generator: the same on every machine.
torch::Tensor normal_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  Rng rng(seed);
  auto matrix = torch::empty({rows, cols}, torch::kFloat64);
  double* values = matrix.data_ptr<double>();
  for (std::int64_t i = 0; i < rows * cols; ++i)
    values[i] = std::sqrt(-2 * std::log(1 - rng.uniform())) * std::cos(2 * M_PI * rng.uniform());
  return matrix;
}

// The sign that torch's own sign() gives 0 is +1 here, as in CodeMatrix.
torch::Tensor signs(const torch::Tensor& values) { return values.ge(0).to(values.dtype()) * 2 - 1; }

Result<void> check(const TrainingSet& set, const TrainOptions& options, std::size_t fitted) {
  for (const auto& [side, inputs] : {std::pair{"image", &set.image}, std::pair{"text", &set.text}})
    if (inputs->features.empty())
      return fail(ErrorCode::kInvalidArgument,
                  "cca-itq works on features, and the " + std::string(side) + " tower '" + inputs->tower.name +
                      "' is learnt together with the method",
                  std::string(side) == "image" ? "choose --image-encoder classic (or mobilenet_v2, clip)"
                                               : "choose --text-encoder bow (or clip)");
  if (fitted < 2)
    return fail(ErrorCode::kInvalidArgument,
                std::to_string(fitted) + " pairs to learn from; correlation needs 2 or more");
  const std::size_t narrowest = std::min(set.image.features.cols(), set.text.features.cols());
  if (options.bits.back() > narrowest)
    return fail(ErrorCode::kInvalidArgument,
                std::to_string(options.bits.back()) + " bits asked, but picture features are " +
                    std::to_string(set.image.features.cols()) + " and text features " +
                    std::to_string(set.text.features.cols()) +
                    " wide: there are no more canonical directions than the smaller of the two",
                "ask for at most --bits " + std::to_string(narrowest) + ", or choose a wider encoder");
  return {};
}

torch::Tensor rows_of(const FloatMatrix& features, const std::vector<std::size_t>& positions) {
  auto rows = torch::empty({static_cast<std::int64_t>(positions.size()), static_cast<std::int64_t>(features.cols())});
  for (std::size_t i = 0; i < positions.size(); ++i)
    std::ranges::copy(features.row(positions[i]), rows.data_ptr<float>() + i * features.cols());
  return rows.to(torch::kFloat64);
}

void add_branch(NamedTensors& tensors, const std::string& side, const torch::Tensor& mean,
                const torch::Tensor& projection) {
  tensors[side + ".mean"] = mean.to(torch::kFloat32);
  tensors[side + ".scale"] = torch::ones_like(mean, torch::kFloat32);
  tensors[side + ".layer0.weight"] = projection.t().contiguous().to(torch::kFloat32);
  tensors[side + ".layer0.bias"] = torch::zeros({projection.size(1)});
}

// The share of held-out pairs' bits on which picture and text agree, over chance: 0 … 1. Nothing is
// chosen by it; it tells whether the fit means anything.
double agreement(const torch::Tensor& image, const torch::Tensor& text) {
  return (image * text).sign().mean().item<double>();
}

Result<TrainReport> fit(const TrainingSet& set, const TrainOptions& options, const CcaItqSettings& settings,
                        const std::filesystem::path& directory, ProgressSink& progress) {
  const auto started = std::chrono::steady_clock::now();
  const SingleThreadedTensors single_threaded;  // a few seconds either way, and the same to the last bit
  auto image = rows_of(set.image.features, set.train);
  auto text = rows_of(set.text.features, set.train);
  const auto image_mean = image.mean(0);
  const auto text_mean = text.mean(0);
  if (!image_mean.isfinite().all().item<bool>() || !text_mean.isfinite().all().item<bool>())
    return fail(ErrorCode::kInvalidArgument, "the features of the training items hold values that are no numbers",
                "give finite features, or choose an encoder with --image-encoder and --text-encoder");
  image -= image_mean;
  text -= text_mean;
  progress.note("canonical correlation of " + std::to_string(image.size(1)) + " picture and " +
                std::to_string(text.size(1)) + " text features over " + std::to_string(image.size(0)) + " pairs");
  auto directions = canonical_directions(image, text, options.bits.back(), settings.ridge);
  const auto weights = directions.correlations.clamp_min(0).pow(settings.correlation_power);
  directions.image = directions.image * weights;
  directions.text = directions.text * weights;

  std::vector<torch::Tensor> image_maps;
  std::vector<torch::Tensor> text_maps;
  for (std::size_t i = 0; i < options.bits.size(); ++i) {
    if (progress.stop_requested()) return fail(ErrorCode::kUnavailable, "stopped before the rotation was found");
    progress.advance("rotating", i, options.bits.size());
    const std::int64_t bits = options.bits[i];
    const auto a = directions.image.narrow(1, 0, bits);
    const auto b = directions.text.narrow(1, 0, bits);
    const auto rotation = itq_rotation(unit_rows(image.mm(a)) + unit_rows(text.mm(b)), settings.itq_iterations,
                                       options.seed + options.bits[i]);
    image_maps.push_back(a.mm(rotation));
    text_maps.push_back(b.mm(rotation));
  }
  progress.advance("rotating", options.bits.size(), options.bits.size());

  TrainReport report;
  report.epochs_run = 1;
  report.validation_criterion = "bits on which held-out pairs agree, above chance";
  if (!set.validation.empty())
    report.validation_score =
        agreement((rows_of(set.image.features, set.validation) - image_mean).mm(image_maps.back()),
                  (rows_of(set.text.features, set.validation) - text_mean).mm(text_maps.back()));
  NamedTensors tensors;
  add_branch(tensors, "image", image_mean, torch::cat(image_maps, 1));
  add_branch(tensors, "text", text_mean, torch::cat(text_maps, 1));
  if (auto saved = save_tensors(directory / kWeightsFile, tensors); !saved) return std::unexpected(saved.error());
  report.train_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

}  // namespace

CanonicalDirections canonical_directions(const torch::Tensor& image, const torch::Tensor& text, std::int64_t count,
                                         double ridge) {
  const auto items = static_cast<double>(image.size(0));
  const auto image_root = inverse_root(image.t().mm(image) / items, ridge);
  const auto text_root = inverse_root(text.t().mm(text) / items, ridge);
  const auto [u, s, vh] =
      at::linalg_svd(image_root.mm(image.t().mm(text) / items).mm(text_root), /*full_matrices=*/false);
  return {image_root.mm(u.narrow(1, 0, count)), text_root.mm(vh.t().narrow(1, 0, count)), s.narrow(0, 0, count)};
}

torch::Tensor itq_rotation(const torch::Tensor& values, int iterations, std::uint64_t seed) {
  const std::int64_t bits = values.size(1);
  auto rotation = std::get<0>(at::linalg_qr(normal_matrix(bits, bits, seed)));
  for (int i = 0; i < iterations; ++i) {
    const auto codes = signs(values.mm(rotation));
    const auto [u, s, vh] = at::linalg_svd(codes.t().mm(values), /*full_matrices=*/false);
    rotation = vh.t().mm(u.t());
  }
  return rotation;
}

Result<TrainReport> train_cca_itq(const TrainingSet& set, const TrainOptions& options,
                                  const std::filesystem::path& directory, ProgressSink& progress) {
  if (auto checked = check(set, options, set.train.size()); !checked) return std::unexpected(checked.error());
  CcaItqSettings settings;
  if (auto chosen = choose_settings(settings.named(), options.settings); !chosen)
    return std::unexpected(chosen.error());
  auto model = describe_space("cca-itq", set, options, settings_as_text(settings.named()), set.image.features.cols(),
                              set.text.features.cols(), directory);
  if (!model) return std::unexpected(model.error());
  auto report = fit(set, options, settings, directory, progress);
  if (!report) return report;
  if (auto written = write_space_model(directory, *model); !written) return std::unexpected(written.error());
  return report;
}

Result<std::unique_ptr<Encoder>> load_cca_itq(const std::filesystem::path& directory, const SpaceModel& model) {
  const auto file = open_safetensors(directory / kWeightsFile);
  if (!file) return std::unexpected(file.error());
  auto image = load_hash_branch(**file, directory, model, Modality::kImage, kNoLimit);
  if (!image) return std::unexpected(image.error());
  auto text = load_hash_branch(**file, directory, model, Modality::kText, kNoLimit);
  if (!text) return std::unexpected(text.error());
  return make_hash_encoder(model, std::move(*image), std::move(*text), /*relaxed_by_tanh=*/false);
}

}  // namespace warifu
