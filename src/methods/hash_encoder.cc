#include "methods/hash_encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "methods/attribute.h"
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

  Result<FloatMatrix> values(std::span<const EncoderInput> inputs, Modality modality,
                             std::size_t length) const override {
    if (modality == Modality::kBoth) {
      auto sums = sums_of_both(inputs);
      if (!sums) return std::unexpected(sums.error());
      return std::move((*sums)[length]);
    }
    const auto all = outputs(modality == Modality::kImage ? image_ : text_, inputs);
    if (!all) return std::unexpected(all.error());
    return values_of_length(*all, spaces_, length);
  }

  Result<Attribution> attribute(const EncoderInput& input, Modality modality, std::size_t length,
                                std::span<const float> towards) const override {
    return attribute_input(
        input, modality, *image_.source, *text_.source, [&](const HalfRows& rows) { return head(rows, length); },
        towards);
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

  // One half's outputs for one length.
  std::vector<float> outputs_of(const HashBranch& branch, const std::vector<float>& row, std::size_t length) const {
    const auto part = values_of_length(branch.layers.apply(FloatMatrix(1, row.size(), row)), spaces_, length);
    return {part.values().begin(), part.values().end()};
  }

  std::vector<float> pull_through(const HashBranch& branch, const std::vector<float>& row, std::size_t length,
                                  std::span<const float> weights) const {
    std::vector<float> all(branch.layers.outputs());
    std::ranges::copy(weights, all.begin() + static_cast<std::ptrdiff_t>(first_bit(spaces_, length)));
    return branch.layers.gradient(row, all);
  }

  HeadPass head(const HalfRows& rows, std::size_t length) const {
    HeadPass pass;
    if (rows.image.empty() || rows.text.empty()) {
      const bool is_image = rows.text.empty();
      const HashBranch& branch = is_image ? image_ : text_;
      const std::vector<float>& row = is_image ? rows.image : rows.text;
      pass.values = outputs_of(branch, row, length);
      pass.pull = [this, &branch, row, length, is_image](std::span<const float> weights) {
        auto gradient = pull_through(branch, row, length, weights);
        return is_image ? HalfRows{std::move(gradient), {}} : HalfRows{{}, std::move(gradient)};
      };
      return pass;
    }
    const auto image = outputs_of(image_, rows.image, length);
    const auto text = outputs_of(text_, rows.text, length);
    pass.values = image;
    auto other = text;
    relax(pass.values);
    relax(other);
    for (std::size_t k = 0; k < other.size(); ++k) pass.values[k] += other[k];
    pass.pull = [this, rows, image, text, length](std::span<const float> weights) {
      return HalfRows{pull_through(image_, rows.image, length, pull_through_relax(image, weights)),
                      pull_through(text_, rows.text, length, pull_through_relax(text, weights))};
    };
    return pass;
  }

  // The gradient of relax() at `outputs`: of u = s / |s| it is (weights - u <u, weights>) / |s|, of s = tanh(output)
  // 1 - s^2 times that.
  std::vector<float> pull_through_relax(std::span<const float> outputs, std::span<const float> weights) const {
    std::vector<float> relaxed(outputs.begin(), outputs.end());
    if (relaxed_by_tanh_)
      for (float& value : relaxed) value = std::tanh(value);
    double squares = 0, product = 0;
    for (std::size_t k = 0; k < relaxed.size(); ++k) {
      squares += double{relaxed[k]} * double{relaxed[k]};
      product += double{relaxed[k]} * double{weights[k]};
    }
    std::vector<float> slope(weights.begin(), weights.end());
    if (squares > 0)
      for (std::size_t k = 0; k < slope.size(); ++k)
        slope[k] = static_cast<float>((weights[k] - relaxed[k] * product / squares) / std::sqrt(squares));
    if (relaxed_by_tanh_)
      for (std::size_t k = 0; k < slope.size(); ++k) slope[k] *= 1 - relaxed[k] * relaxed[k];
    return slope;
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
  for (std::size_t i = 0; i < spaces.size(); ++i) codes.push_back(pack_signs(values_of_length(values, spaces, i)));
  return codes;
}

std::size_t first_bit(std::span<const CodeSpace> spaces, std::size_t length) {
  std::size_t begin = 0;
  for (const CodeSpace& space : spaces.first(length)) begin += space.bits;
  return begin;
}

FloatMatrix values_of_length(const FloatMatrix& values, std::span<const CodeSpace> spaces, std::size_t length) {
  return slice(values, first_bit(spaces, length), spaces[length].bits);
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
