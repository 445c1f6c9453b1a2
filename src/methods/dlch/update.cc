#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "methods/adam.h"
#include "methods/dlch/discrete_codes.h"
#include "methods/dlch/dlch.h"
#include "methods/dlch/model.h"
#include "methods/dlch/new_classes.h"
#include "methods/dlch/objective.h"
#include "methods/dlch/sums_file.h"
#include "methods/trained_tower.h"
#include "methods/training_labels.h"
#include "nn/hash_head.h"
#include "nn/label_similarity.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

// One modality of the present network and of the new items.
struct Side {
  NamedTensors tensors;  // as they lie in the weights file, without the prefix
  DlchInput input;
  torch::Tensor inputs;   // z of the new items
  torch::Tensor outputs;  // of the network as it is
  ClassGates gates;
  torch::Tensor open;   // units of the new classes, [items, new classes]
  torch::Tensor added;  // what an open gate adds, [new classes, all bits]: what is learnt
  torch::Tensor codes;  // B_new, [items, all bits]
};

Result<Side> read_side(const SafetensorsFile& file, const std::string& prefix, std::int64_t outputs,
                       const FloatMatrix& features) {
  Side side;
  const auto shape_of = [&](const std::string& name) {
    const auto found = file.tensors().find(prefix + "." + name);
    return found == file.tensors().end() ? std::vector<std::int64_t>{} : found->second.shape;
  };
  const auto first = shape_of("layer0.weight");
  const auto last = shape_of("layer1.weight");
  const auto whitened = shape_of("map");
  if (first.size() != 2 || last.size() != 2 || (!whitened.empty() && whitened.size() != 2))
    return fail(ErrorCode::kIncompatible, prefix + ": layers are missing", kRestoreOrTrainAgain);
  const std::int64_t columns = first[1];
  std::map<std::string, std::vector<std::int64_t>> shapes = {{"mean", {columns}},
                                                             {"scale", {columns}},
                                                             {"centre", {columns}},
                                                             {"spread", {whitened.empty() ? columns : whitened[1]}},
                                                             {"layer0.weight", {first[0], columns}},
                                                             {"layer0.bias", {first[0]}},
                                                             {"layer1.weight", {outputs, first[0]}},
                                                             {"layer1.bias", {outputs}}};
  if (!whitened.empty()) shapes["map"] = {columns, whitened[1]};
  for (const auto& [name, shape] : shapes) {
    auto tensor = read_weight(file, prefix + "." + name, shape);
    if (!tensor) return std::unexpected(tensor.error());
    side.tensors[name] = *std::move(tensor);
  }
  const auto width = side.tensors.at("mean").size(0);
  if (static_cast<std::int64_t>(features.cols()) != width)
    return fail(ErrorCode::kIncompatible,
                prefix + " features of the new items are " + std::to_string(features.cols()) +
                    " wide, those of the space " + std::to_string(width),
                "give features of the same encoder that the space was trained with");
  side.input.stage = InputStage(InputSpec{InputSpec::Kind::kFeatures, width, 0});
  side.input.stage->set_standardisation(side.tensors.at("mean"), side.tensors.at("scale"));
  side.input.centre = side.tensors.at("centre");
  side.input.spread = side.tensors.at("spread");
  if (side.tensors.contains("map")) side.input.map = side.tensors.at("map");
  const auto rows = to_tensor(features);
  if (!torch::isfinite(rows).all().item<bool>())
    return fail(ErrorCode::kInvalidArgument, prefix + " features of the new items hold a value that is no number");
  const auto standardised = side.input.stage->standardise(rows);
  side.inputs = side.input.of(standardised);
  const auto hidden =
      torch::relu(torch::addmm(side.tensors.at("layer0.bias"), standardised, side.tensors.at("layer0.weight").t()));
  side.outputs = torch::addmm(side.tensors.at("layer1.bias"), hidden, side.tensors.at("layer1.weight").t());
  return side;
}

// The labels of the set in the vocabulary of the space, which grows by those it does not know.
struct Vocabulary {
  std::vector<std::string> names;  // of all
  std::int64_t known = 0;          // the first ones, that the space had
  torch::Tensor labels;            // of set.train, multi-hot
};

Result<Vocabulary> join_labels(const SpaceModel& model, const TrainingSet& set) {
  Vocabulary all{model.labels, static_cast<std::int64_t>(model.labels.size()), {}};
  std::map<std::string, std::uint32_t> ids;
  for (std::size_t i = 0; i < all.names.size(); ++i) ids.emplace(all.names[i], static_cast<std::uint32_t>(i));
  std::vector<std::vector<std::uint32_t>> labels;
  for (const std::size_t position : set.train) {
    auto& values = labels.emplace_back();
    for (const std::uint32_t value : set.labels[position]) {
      const auto [found, fresh] = ids.emplace(set.label_names.at(value), static_cast<std::uint32_t>(all.names.size()));
      if (fresh) all.names.push_back(found->first);
      values.push_back(found->second);
    }
    std::ranges::sort(values);
  }
  const auto classes = static_cast<std::int64_t>(all.names.size());
  if (classes == all.known)
    return fail(ErrorCode::kInvalidArgument, "the items carry no label value that the space does not know",
                "items of known categories need no update: 'warifu index' encodes them");
  all.labels = multi_hot(labels, classes);
  return all;
}

Result<DlchSettings> update_settings(const SpaceModel& model, const UpdateOptions& options) {
  DlchSettings settings;
  std::vector<std::string> chosen;
  for (const NamedSetting& setting : settings.named())
    if (const auto found = model.settings.find(std::string(setting.name)); found != model.settings.end())
      chosen.push_back(found->first + "=" + found->second);
  if (auto done = choose_settings(settings.named(), chosen); !done)
    return fail(ErrorCode::kBadFormat, std::string(kModelFile) + ": " + done.error().message, "train the space again");
  if (options.epochs < 0)
    return fail(ErrorCode::kInvalidArgument,
                "epochs must be 0 (the method's default) or more, not " + std::to_string(options.epochs));
  const auto read = settings.named_of_updates();
  for (const NamedSetting& setting : settings.named())
    if (chooses(options.settings, setting.name) &&
        std::ranges::find(read, setting.name, &NamedSetting::name) == read.end())
      return fail(ErrorCode::kInvalidArgument,
                  "setting '" + std::string(setting.name) + "' is of the first training: an update does not read it");
  std::vector<std::string> asked = options.settings;
  if (options.epochs != 0) asked.push_back("update_epochs=" + std::to_string(options.epochs));
  if (auto done = choose_settings(read, asked); !done) return std::unexpected(done.error());
  return settings;
}

torch::Tensor updated_outputs(const Side& side, const torch::Tensor& rows) {
  return side.outputs.index_select(0, rows) + side.open.index_select(0, rows).mm(side.added);
}

class Update {
 public:
  Update(const SpaceModel& model, const SpaceSums& sums, Vocabulary vocabulary, const DlchSettings& settings,
         std::uint64_t seed)
      : bits_(model.bits),
        sums_(sums),
        vocabulary_(std::move(vocabulary)),
        settings_(settings),
        rng_(seed ^ (0x646C6368ULL * (model.generation + 1))) {}

  Result<void> run(Side& image, Side& text, ProgressSink& progress) {
    const auto fresh = vocabulary_.labels.narrow(1, vocabulary_.known, vocabulary_.labels.size(1) - vocabulary_.known);
    const auto means =
        fresh.t().mm(torch::tanh(image.outputs) + torch::tanh(text.outputs)) / (2 * fresh.sum(0).unsqueeze(1));
    const auto lengths = split_by_bits(means, bits_);
    std::vector<torch::Tensor> words;
    for (std::size_t i = 0; i < bits_.size(); ++i)
      words.push_back(
          new_class_words(lengths[i], words_of_old(i), static_cast<std::int64_t>(settings_.word_distance * bits_[i])));
    for (Side* side : {&image, &text}) {
      side->gates = class_gates(side->inputs, fresh, side->input.spread, sums_.items, settings_.gate_ridge,
                                settings_.gate_share, settings_.gate_guard);
      side->open = torch::relu(side->inputs.mm(side->gates.weight) + side->gates.bias);
      side->added = (settings_.gate_gain * torch::cat(words, 1)).contiguous().set_requires_grad(true);
    }
    for (Side* side : {&image, &text})
      if (auto learnt =
              learn(*side, side == &image ? sums_.image : sums_.text, side == &image ? "pictures" : "texts", progress);
          !learnt)
        return learnt;
    return {};
  }

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  // Mean codes of the old classes, from the sums: what is left of their items.
  torch::Tensor words_of_old(std::size_t length) const {
    const auto there = sums_.image[length].labels.diag().gt(0);
    return signs_of((sums_.image[length].cross + sums_.text[length].cross).index({there}).to(torch::kFloat32));
  }

  // Adam on what the gates add, then discrete codes, by turns.
  Result<void> learn(Side& side, std::vector<OldSums> sums, const std::string& what, ProgressSink& progress) {
    for (OldSums& one : sums) one.widen(vocabulary_.labels.size(1));
    const std::int64_t items = side.outputs.size(0);
    const auto every = torch::arange(items, torch::kInt64);
    Adam adam({{{side.added}, 1.0}}, 0);
    {
      const torch::NoGradGuard no_grad;
      side.codes = signs_of(updated_outputs(side, every));
    }
    for (int epoch = 0; epoch < settings_.update_epochs; ++epoch) {
      std::vector<std::int64_t> order(static_cast<std::size_t>(items));
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
      shuffle(std::span(order), rng_);
      order.resize(std::min<std::size_t>(order.size(), static_cast<std::size_t>(settings_.sample)));
      const auto sample = torch::tensor(order, torch::kInt64);
      for (const auto& rows : sample.split(settings_.batch)) {
        if (progress.stop_requested())
          return fail(ErrorCode::kUnavailable, "stopped on request", "the same command starts the update again");
        adam.zero_grad();
        const auto loss = batch_loss(side, sums, rows);
        if (!torch::isfinite(loss).item<bool>())
          return fail(ErrorCode::kInvalidArgument, "the loss of the update became no number",
                      "choose a lower update_rate with --set");
        loss.backward();
        adam.step(settings_.update_rate);
      }
      const torch::NoGradGuard no_grad;
      improve_codes(side, every, sample);
      progress.advance("learning new categories from " + what, static_cast<std::size_t>(epoch + 1),
                       static_cast<std::size_t>(settings_.update_epochs));
    }
    return {};
  }

  torch::Tensor batch_loss(const Side& side, const std::vector<OldSums>& sums, const torch::Tensor& rows) const {
    const auto outputs = split_by_bits(torch::tanh(updated_outputs(side, rows)), bits_);
    const auto codes = split_by_bits(side.codes, bits_);
    const auto labels = vocabulary_.labels.index_select(0, rows);
    auto loss = torch::zeros({}, torch::kFloat64);
    for (std::size_t i = 0; i < bits_.size(); ++i)
      loss = loss + update_loss(outputs[i], labels, sums[i], codes[i].index_select(0, rows), codes[i],
                                vocabulary_.labels, sums_.items, settings_);
    return loss;
  }

  void improve_codes(Side& side, const torch::Tensor& every, const torch::Tensor& sample) const {
    const auto outputs = split_by_bits(torch::tanh(updated_outputs(side, every)), bits_);
    const auto codes = split_by_bits(side.codes, bits_);
    const auto sample_labels = vocabulary_.labels.index_select(0, sample);
    std::vector<torch::Tensor> better;
    for (std::size_t i = 0; i < bits_.size(); ++i) {
      const auto seen = outputs[i].index_select(0, sample);
      const auto own = torch::zeros_like(outputs[i]).index_copy(0, sample, seen);
      better.push_back(discrete_codes(codes[i], seen, sample_labels, vocabulary_.labels, own, settings_.code_weight));
    }
    side.codes = torch::cat(better, 1);
  }

  std::vector<std::uint32_t> bits_;
  const SpaceSums& sums_;
  Vocabulary vocabulary_;
  DlchSettings settings_;
  Rng rng_;
};

// The network with a unit more for each new class. What it was stays as it is to the last bit.
void export_side(const Side& side, const std::string& prefix, NamedTensors& tensors) {
  for (const auto& [name, tensor] : side.tensors) tensors[prefix + "." + name] = tensor;
  const auto [weight, bias] = side.input.unfold(side.gates.weight.t(), side.gates.bias);
  tensors[prefix + ".layer0.weight"] = torch::cat({side.tensors.at("layer0.weight"), weight}).contiguous();
  tensors[prefix + ".layer0.bias"] = torch::cat({side.tensors.at("layer0.bias"), bias}).contiguous();
  tensors[prefix + ".layer1.weight"] =
      torch::cat({side.tensors.at("layer1.weight"), side.added.detach().t()}, 1).contiguous();
}

std::vector<CodeMatrix> packed(const torch::Tensor& codes, const std::vector<std::uint32_t>& bits) {
  std::vector<CodeMatrix> result;
  for (const auto& part : split_by_bits(codes, bits)) result.push_back(pack_signs(to_float_matrix(part.contiguous())));
  return result;
}

FloatMatrix rows_of(const FloatMatrix& features, const std::vector<std::size_t>& positions) {
  FloatMatrix rows(positions.size(), features.cols());
  for (std::size_t i = 0; i < positions.size(); ++i) std::ranges::copy(features.row(positions[i]), rows.row(i).begin());
  return rows;
}

}  // namespace

Result<UpdateReport> update_dlch(const std::filesystem::path& directory, const SpaceModel& present,
                                 const TrainingSet& set, const UpdateOptions& options,
                                 const std::filesystem::path& next, ProgressSink& progress) {
  const auto started = std::chrono::steady_clock::now();
  const SingleThreadedTensors single_threaded;
  const auto settings = update_settings(present, options);
  if (!settings) return std::unexpected(settings.error());
  auto sums = load_sums(directory, present);
  if (!sums) return std::unexpected(sums.error());
  auto vocabulary = join_labels(present, set);
  if (!vocabulary) return std::unexpected(vocabulary.error());
  const auto file = open_safetensors(directory / present.weights_file());
  if (!file) return std::unexpected(file.error());
  const auto outputs = std::accumulate(present.bits.begin(), present.bits.end(), std::int64_t{0});
  auto image = read_side(**file, "image", outputs, rows_of(set.image.features, set.train));
  if (!image) return std::unexpected(image.error());
  auto text = read_side(**file, "text", outputs, rows_of(set.text.features, set.train));
  if (!text) return std::unexpected(text.error());

  Update update(present, *sums, *std::move(vocabulary), *settings, options.seed);
  if (auto done = update.run(*image, *text, progress); !done) return std::unexpected(done.error());
  const torch::NoGradGuard no_grad;
  const Vocabulary& all = update.vocabulary();
  for (auto* side : {&sums->image, &sums->text})
    for (OldSums& one : *side) one.widen(all.labels.size(1));
  const auto every = torch::arange(all.labels.size(0), torch::kInt64);
  add_items(*sums, present.bits, updated_outputs(*image, every), updated_outputs(*text, every), all.labels);

  SpaceModel model = present;
  ++model.generation;
  model.labels = all.names;
  NamedTensors tensors;
  export_side(*image, "image", tensors);
  export_side(*text, "text", tensors);
  if (auto saved = save_tensors(next / model.weights_file(), tensors); !saved) return std::unexpected(saved.error());
  if (auto saved = save_sums(next, model, *sums); !saved) return std::unexpected(saved.error());
  const auto adopt = [&](const SpaceTower& tower, const char* side) -> Result<void> {
    auto adopted = adopt_tower(tower_in(directory, tower), side, tower.width, next);
    if (!adopted) return std::unexpected(adopted.error());
    return {};
  };
  if (auto adopted = adopt(model.image, "image"); !adopted) return std::unexpected(adopted.error());
  if (auto adopted = adopt(model.text, "text"); !adopted) return std::unexpected(adopted.error());
  if (auto written = write_space_model(next, model); !written) return std::unexpected(written.error());

  UpdateReport report;
  report.generation = model.generation;
  report.new_labels.assign(all.names.begin() + all.known, all.names.end());
  report.learned_image = packed(image->codes, present.bits);
  report.learned_text = packed(text->codes, present.bits);
  report.train_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

}  // namespace warifu
