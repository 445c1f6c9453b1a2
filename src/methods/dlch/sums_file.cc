#include "methods/dlch/sums_file.h"

#include <map>

#include "base/hash.h"
#include "methods/stored_network.h"
#include "methods/training_labels.h"
#include "nn/hash_head.h"
#include "nn/tensor_io.h"

namespace warifu {
namespace {

constexpr const char* kSumsHash = "sums_hash";

std::string sums_file(const SpaceModel& model) { return generation_file("sums", model.generation); }

std::string name_of(Modality modality, std::uint32_t bits, const char* what) {
  return std::string(modality_name(modality)) + "." + std::to_string(bits) + "." + what;
}

}  // namespace

SpaceSums no_sums(const std::vector<std::uint32_t>& bits, std::int64_t classes) {
  SpaceSums sums;
  for (auto* side : {&sums.image, &sums.text})
    for (const std::uint32_t length : bits) {
      side->push_back(OldSums::none(length));
      side->back().widen(classes);
    }
  return sums;
}

void add_items(SpaceSums& sums, const std::vector<std::uint32_t>& bits, const torch::Tensor& image_outputs,
               const torch::Tensor& text_outputs, const torch::Tensor& labels) {
  const auto images = split_by_bits(signs_of(image_outputs), bits);
  const auto texts = split_by_bits(signs_of(text_outputs), bits);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    sums.image[i].add(images[i], labels);
    sums.text[i].add(texts[i], labels);
  }
  sums.items += static_cast<double>(labels.size(0));
}

Result<void> save_sums(const std::filesystem::path& directory, SpaceModel& model, const SpaceSums& sums) {
  NamedTensors tensors;
  for (const Modality modality : {Modality::kImage, Modality::kText})
    for (std::size_t i = 0; i < model.bits.size(); ++i) {
      const OldSums& side = (modality == Modality::kImage ? sums.image : sums.text)[i];
      tensors[name_of(modality, model.bits[i], "codes")] = side.codes.to(torch::kFloat32);
      tensors[name_of(modality, model.bits[i], "cross")] = side.cross.to(torch::kFloat32);
      tensors["labels"] = side.labels.to(torch::kFloat32);  // the same for all
    }
  tensors["items"] = torch::full({1}, sums.items, torch::kFloat32);
  const auto path = directory / sums_file(model);
  if (auto saved = save_tensors(path, tensors); !saved) return saved;
  auto hash = file_hash(path);
  if (!hash) return std::unexpected(hash.error());
  model.settings[kSumsHash] = *hash;
  return {};
}

Result<SpaceSums> load_sums(const std::filesystem::path& directory, const SpaceModel& model) {
  const auto path = directory / sums_file(model);
  const auto hash = file_hash(path);
  if (!hash) return fail(hash.error().code, hash.error().message, kRestoreOrTrainAgain);
  const auto expected = model.settings.find(kSumsHash);
  if (expected == model.settings.end() || expected->second != *hash)
    return fail(ErrorCode::kIncompatible, path.string() + " is not the file that was written with the space",
                kRestoreOrTrainAgain);
  const auto file = open_safetensors(path);
  if (!file) return std::unexpected(file.error());
  const auto classes = static_cast<std::int64_t>(model.labels.size());
  const auto labels = read_weight(**file, "labels", {classes, classes});
  if (!labels) return with_context(path.string(), labels.error());
  const auto items = read_weight(**file, "items", {1});
  if (!items) return with_context(path.string(), items.error());
  SpaceSums sums;
  sums.items = items->item<double>();
  for (const Modality modality : {Modality::kImage, Modality::kText})
    for (const std::uint32_t bits : model.bits) {
      const auto codes = read_weight(**file, name_of(modality, bits, "codes"), {bits, bits});
      if (!codes) return with_context(path.string(), codes.error());
      const auto cross = read_weight(**file, name_of(modality, bits, "cross"), {classes, bits});
      if (!cross) return with_context(path.string(), cross.error());
      (modality == Modality::kImage ? sums.image : sums.text)
          .push_back({codes->to(torch::kFloat64), cross->to(torch::kFloat64), labels->to(torch::kFloat64)});
    }
  return sums;
}

}  // namespace warifu
