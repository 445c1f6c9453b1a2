#include "methods/hash_encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "methods/trained_tower.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxLayers = 16;

// The columns [begin, begin + bits) of `values`.
FloatMatrix slice(const FloatMatrix& values, std::size_t begin, std::size_t bits) {
  FloatMatrix part(values.rows(), bits);
  for (std::size_t i = 0; i < values.rows(); ++i)
    std::ranges::copy(values.row(i).subspan(begin, bits), part.row(i).begin());
  return part;
}

void to_unit_length(std::span<float> row) {
  double squares = 0;
  for (const float value : row) squares += double{value} * double{value};
  if (squares == 0) return;
  const auto scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& value : row) value *= scale;
}

class HashEncoder final : public Encoder {
 public:
  HashEncoder(const SpaceModel& model, HashBranch image, HashBranch text, bool relaxed_by_tanh)
      : spaces_(model.code_spaces()),
        image_(std::move(image)),
        text_(std::move(text)),
        relaxed_by_tanh_(relaxed_by_tanh) {}

  std::span<const CodeSpace> spaces() const override { return spaces_; }

  bool encodes_raw(Modality modality) const override {
    if (modality == Modality::kImage) return image_.source->encodes_raw();
    if (modality == Modality::kText) return text_.source->encodes_raw();
    return image_.source->encodes_raw() && text_.source->encodes_raw();
  }

  PictureFormat picture_format() const override { return image_.source->picture_format(); }

  Result<std::vector<CodeMatrix>> encode(std::span<const EncoderInput> inputs, Modality modality) const override {
    if (modality == Modality::kBoth) return encode_both(inputs);
    const auto values = outputs(modality == Modality::kImage ? image_ : text_, inputs);
    if (!values) return std::unexpected(values.error());
    return pack_lengths(*values, spaces_);
  }

  // What the longest code takes the signs of.
  std::size_t embedding_width() const override { return spaces_.back().bits; }

  Result<FloatMatrix> embed(std::span<const EncoderInput> inputs, Modality modality) const override {
    if (modality == Modality::kBoth) {
      auto sums = sums_of_both(inputs);
      if (!sums) return std::unexpected(sums.error());
      FloatMatrix rows = std::move(sums->back());
      for (std::size_t i = 0; i < rows.rows(); ++i) to_unit_length(rows.row(i));
      return rows;
    }
    const auto values = outputs(modality == Modality::kImage ? image_ : text_, inputs);
    if (!values) return std::unexpected(values.error());
    FloatMatrix rows = slice(*values, values->cols() - embedding_width(), embedding_width());
    for (std::size_t i = 0; i < rows.rows(); ++i) relax(rows.row(i));
    return rows;
  }

 private:
  static Result<FloatMatrix> outputs(const HashBranch& branch, std::span<const EncoderInput> inputs) {
    const auto features = branch.source->features(inputs);
    if (!features) return std::unexpected(features.error());
    return branch.layers.apply(*features);
  }

  Result<std::vector<CodeMatrix>> encode_both(std::span<const EncoderInput> inputs) const {
    const auto sums = sums_of_both(inputs);
    if (!sums) return std::unexpected(sums.error());
    std::vector<CodeMatrix> codes;
    for (const FloatMatrix& sum : *sums) codes.push_back(pack_signs(sum));
    return codes;
  }

  // For each space the sum of the two halves' outputs, each relaxed.
  Result<std::vector<FloatMatrix>> sums_of_both(std::span<const EncoderInput> inputs) const {
    const auto image = outputs(image_, inputs);
    if (!image) return std::unexpected(image.error());
    const auto text = outputs(text_, inputs);
    if (!text) return std::unexpected(text.error());
    std::vector<FloatMatrix> sums;
    std::size_t begin = 0;
    for (const CodeSpace& space : spaces_) {
      FloatMatrix& sum = sums.emplace_back(slice(*image, begin, space.bits));
      FloatMatrix other = slice(*text, begin, space.bits);
      for (std::size_t i = 0; i < sum.rows(); ++i) {
        relax(sum.row(i));
        relax(other.row(i));
        for (std::size_t k = 0; k < space.bits; ++k) sum.row(i)[k] += other.row(i)[k];
      }
      begin += space.bits;
    }
    return sums;
  }

  void relax(std::span<float> row) const {
    if (relaxed_by_tanh_)
      for (float& value : row) value = std::tanh(value);
    to_unit_length(row);
  }

  std::vector<CodeSpace> spaces_;
  HashBranch image_;
  HashBranch text_;
  bool relaxed_by_tanh_;
};

std::vector<float> to_vector(const torch::Tensor& tensor) {
  const auto row = tensor.contiguous();
  return {row.data_ptr<float>(), row.data_ptr<float>() + row.numel()};
}

Result<StrictLayers::Layer> load_layer(const SafetensorsFile& file, const std::string& name, std::size_t inputs) {
  const auto found = file.tensors().find(name + ".bias");
  if (found == file.tensors().end() || found->second.shape.size() != 1 || found->second.shape[0] < 1)
    return fail(ErrorCode::kIncompatible, name + ".bias is missing or not a vector", "train the space again");
  const std::int64_t outputs = found->second.shape[0];
  const auto weight = read_weight(file, name + ".weight", {outputs, static_cast<std::int64_t>(inputs)});
  if (!weight) return std::unexpected(weight.error());
  const auto bias = read_weight(file, name + ".bias", {outputs});
  if (!bias) return std::unexpected(bias.error());
  return StrictLayers::Layer{to_float_matrix(weight->t()), to_vector(*bias)};
}

}  // namespace

std::unique_ptr<Encoder> make_hash_encoder(const SpaceModel& model, HashBranch image, HashBranch text,
                                           bool relaxed_by_tanh) {
  return std::make_unique<HashEncoder>(model, std::move(image), std::move(text), relaxed_by_tanh);
}

std::vector<CodeMatrix> pack_lengths(const FloatMatrix& values, std::span<const CodeSpace> spaces) {
  std::vector<CodeMatrix> codes;
  std::size_t begin = 0;
  for (const CodeSpace& space : spaces) {
    codes.push_back(pack_signs(slice(values, begin, space.bits)));
    begin += space.bits;
  }
  return codes;
}

Result<StrictLayers> load_branch_layers(const SafetensorsFile& file, const SpaceModel& model, Modality modality,
                                        float limit) {
  const std::string start = modality_name(modality);
  const std::size_t inputs = modality == Modality::kImage ? model.image.width : model.text.width;
  const std::size_t outputs = std::reduce(model.bits.begin(), model.bits.end(), std::size_t{0});
  const auto standardisation = read_standardisation(file, model, modality);
  if (!standardisation) return std::unexpected(standardisation.error());
  std::vector<StrictLayers::Layer> layers;
  while (layers.size() < kMaxLayers) {
    const std::string name = start + ".layer" + std::to_string(layers.size());
    if (!layers.empty() && !file.tensors().contains(name + ".bias")) break;
    auto layer = load_layer(file, name, layers.empty() ? inputs : layers.back().bias.size());
    if (!layer) return std::unexpected(layer.error());
    layers.push_back(std::move(*layer));
  }
  if (layers.back().bias.size() != outputs)
    return fail(ErrorCode::kIncompatible, start + " ends in " + std::to_string(layers.back().bias.size()) +
                                              " values; the bits of the space add up to " + std::to_string(outputs));
  return StrictLayers(to_vector(standardisation->mean), to_vector(standardisation->scale), limit, std::move(layers));
}

Result<HashBranch> load_hash_branch(const SafetensorsFile& file, const std::filesystem::path& directory,
                                    const SpaceModel& model, Modality modality, float limit) {
  auto source = open_space_features(file, directory, model, modality);
  if (!source) return std::unexpected(source.error());
  auto layers = load_branch_layers(file, model, modality, limit);
  if (!layers) return std::unexpected(layers.error());
  return HashBranch{std::move(*source), std::move(*layers)};
}

}  // namespace warifu
