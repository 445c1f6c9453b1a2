#include "methods/modality_data.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/hash.h"
#include "nn/augment.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

constexpr double kPieceDropout = 0.1;

Result<torch::Tensor> feature_tensor(const FloatMatrix& features) {
  for (std::size_t i = 0; i < features.rows(); ++i)
    for (const float value : features.row(i))
      if (!std::isfinite(value))
        return fail(ErrorCode::kInvalidArgument,
                    "features of training item " + std::to_string(i) + " hold a value that is no number",
                    "give finite features, or choose an encoder with --image-encoder and --text-encoder");
  return to_tensor(features);
}

Result<torch::Tensor> picture_tensor(const std::vector<Image>& pictures) {
  const int side = SmallImageTowerImpl::picture_format().size;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    if (pictures[i].width != side || pictures[i].height != side)
      return fail(ErrorCode::kInvalidArgument, "picture " + std::to_string(i) + " is " +
                                                   std::to_string(pictures[i].width) + " x " +
                                                   std::to_string(pictures[i].height) + ", wanted " +
                                                   std::to_string(side) + " x " + std::to_string(side));
  return pictures_to_tensor(pictures);
}

Result<torch::Tensor> piece_tensor(const TrainingInputs& inputs, InputSpec& spec) {
  const auto tokenizer = load_sentencepiece(inputs.tower.vocabulary);
  if (!tokenizer) return std::unexpected(tokenizer.error());
  spec.vocabulary_size = static_cast<std::int64_t>((*tokenizer)->vocabulary_size());
  std::vector<std::vector<std::int32_t>> ids;
  for (const std::string& text : inputs.texts) ids.push_back((*tokenizer)->encode(text));
  return pieces_to_tensor(ids);
}

void add(std::string& parts, const FloatMatrix& matrix) {
  parts += content_hash(std::as_bytes(matrix.values())) + std::to_string(matrix.cols());
}

void add(std::string& parts, const TrainingInputs& inputs) {
  parts += inputs.tower.name;
  if (!inputs.tower.vocabulary.empty()) parts += file_hash(inputs.tower.vocabulary).value_or("");
  add(parts, inputs.features);
  for (const Image& picture : inputs.pictures) parts += content_hash(std::as_bytes(std::span(picture.rgb)));
  for (const std::string& text : inputs.texts) parts += std::to_string(text.size()) + ":" + text;
}

}  // namespace

Result<ModalityData> ModalityData::make(const TrainingInputs& inputs) {
  ModalityData data;
  Result<torch::Tensor> values;
  if (!inputs.features.empty()) {
    data.spec_ = {InputSpec::Kind::kFeatures, static_cast<std::int64_t>(inputs.features.cols()), 0};
    values = feature_tensor(inputs.features);
  } else if (!inputs.pictures.empty()) {
    data.spec_ = {InputSpec::Kind::kPictures, kTrainedTowerWidth, 0};
    values = picture_tensor(inputs.pictures);
  } else {
    data.spec_ = {InputSpec::Kind::kPieces, kTrainedTowerWidth, 0};
    values = piece_tensor(inputs, data.spec_);
  }
  if (!values) return std::unexpected(values.error());
  data.values_ = std::move(*values);
  return data;
}

void ModalityData::standardise(const torch::Tensor& rows, double floor, InputStageImpl& stage) {
  if (spec_.kind != InputSpec::Kind::kFeatures) return;
  const auto fitted = values_.index_select(0, rows);
  const auto deviation = fitted.std(0, /*unbiased=*/false);
  const auto spread = deviation + floor * deviation.mean() + 1e-8;
  stage.set_standardisation(fitted.mean(0), spread.reciprocal());
  standardise_as(stage);
}

void ModalityData::standardise_as(const InputStageImpl& stage) {
  if (spec_.kind == InputSpec::Kind::kFeatures) values_ = stage.standardise(values_);
}

torch::Tensor ModalityData::batch(const torch::Tensor& rows) const {
  auto chosen = values_.index_select(0, rows);
  if (spec_.kind != InputSpec::Kind::kPieces || chosen.size(0) == 0) return chosen;
  // The padding that these rows share is left away.
  const std::int64_t longest = std::max<std::int64_t>(chosen.ne(0).sum(1).max().item<std::int64_t>(), 1);
  return chosen.narrow(1, 0, longest).contiguous();
}

torch::Tensor ModalityData::varied_batch(const torch::Tensor& rows, Rng& rng) const {
  const auto chosen = batch(rows);
  if (spec_.kind == InputSpec::Kind::kPictures) return augment_pictures(chosen, rng);
  if (spec_.kind == InputSpec::Kind::kPieces) return drop_pieces(chosen, kPieceDropout, rng);
  return chosen;
}

Result<PairData> PairData::make(const TrainingSet& set) {
  if (set.train.size() < 2)
    return fail(ErrorCode::kInvalidArgument, "one pair to train on; contrast needs two or more");
  auto image = ModalityData::make(set.image);
  if (!image) return with_context("pictures", image.error());
  auto text = ModalityData::make(set.text);
  if (!text) return with_context("texts", text.error());
  return PairData{*std::move(image), *std::move(text)};
}

torch::Tensor positions_tensor(const std::vector<std::size_t>& positions) {
  std::vector<std::int64_t> rows(positions.begin(), positions.end());
  return torch::tensor(rows, torch::kInt64);
}

std::string data_digest(const TrainingSet& set) {
  std::string parts;
  add(parts, set.image);
  add(parts, set.text);
  for (const auto* positions : {&set.train, &set.validation}) {
    parts += "|";
    for (const std::size_t position : *positions) parts += std::to_string(position) + ",";
  }
  return content_hash(std::string_view(parts));
}

}  // namespace warifu
