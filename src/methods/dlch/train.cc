#include "methods/dlch/train.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "evaluate/evaluate.h"
#include "evaluate/relevance.h"
#include "methods/dlch/objective.h"
#include "methods/trainer.h"
#include "methods/training_labels.h"
#include "nn/class_code_words.h"
#include "nn/label_similarity.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

std::string options_digest(const TrainingSet& set, const TrainOptions& options, DlchSettings settings) {
  const nlohmann::json all = {"dlch",       data_digest(set), set.labels,
                              options.bits, options.seed,     settings_as_text(settings.named())};
  return content_hash(std::string_view(all.dump()));
}

class DlchTask final : public TrainingTask {
 public:
  DlchTask(PairData data, const TrainingSet& set, const TrainOptions& options, const DlchSettings& settings)
      : train_(positions_tensor(set.train)),
        labels_(multi_hot(set.labels, static_cast<std::int64_t>(set.label_values))),
        bits_(options.bits),
        settings_(settings) {
    held_out_ = held_out_labels(set.validation, set.labels);
    torch::manual_seed(options.seed);
    const auto input = [&](ModalityData& half) {
      return DlchInput::fit(half, train_, settings.spread_floor, settings.whitening, settings.whitening_width,
                            settings.whitening_floor);
    };
    image_ = input(data.image);
    text_ = input(data.text);
    const auto every = torch::arange(labels_.size(0), torch::kInt64);
    image_inputs_ = image_.of(data.image.batch(every));
    text_inputs_ = text_.of(data.text.batch(every));
    const auto branch = [&](std::int64_t inputs, std::int64_t hidden, double input_dropout, double dropout) {
      return DlchBranch(inputs, hidden, input_dropout, dropout, bits_);
    };
    model_ = DlchModel(branch(image_.inputs(), settings.hidden, settings.image_dropout, settings.hidden_dropout),
                       branch(text_.inputs(), settings.hidden, settings.text_dropout, settings.hidden_dropout),
                       branch(labels_.size(1), settings.label_hidden, 0, 0));
    Rng rng(options.seed);
    const auto taught = labels_.index_select(0, train_);
    const auto pull = settings.word_sharpness > 0
                          ? class_pull(data.image.batch(train_), taught, settings.word_sharpness)
                          : torch::zeros({labels_.size(1), labels_.size(1)});
    std::int64_t all_bits = 0;
    for (const std::uint32_t bits : bits_) {
      words_.push_back(class_code_words(pull, bits, rng));
      all_bits += bits;
    }
    image_buffer_ = torch::tanh(torch::randn({labels_.size(0), all_bits}));
    text_buffer_ = torch::tanh(torch::randn({labels_.size(0), all_bits}));
    label_buffer_ = torch::tanh(torch::randn({labels_.size(0), all_bits}));
  }

  const torch::Tensor& train() const { return train_; }
  DlchModel dlch_model() const { return model_; }
  const DlchInput& image_input() const { return image_; }
  const DlchInput& text_input() const { return text_; }
  const torch::Tensor& labels() const { return labels_; }

  torch::nn::Module& model() override { return *model_; }

  NamedTensors memory() const override {
    return {{"image", image_buffer_}, {"text", text_buffer_}, {"label", label_buffer_}};
  }

  void restore_memory(const NamedTensors& memory) override {
    image_buffer_.copy_(memory.at("image"));
    text_buffer_.copy_(memory.at("text"));
    label_buffer_.copy_(memory.at("label"));
  }

  // The codes in closed form, once an epoch; at the start sign(F + H), later sign(2 F + H).
  void begin_epoch(const TrainingPlace& place) override {
    const double own = place.epoch == 0 ? 1 : 2;
    image_codes_ = signs_of(own * image_buffer_ + label_buffer_);
    text_codes_ = signs_of(own * text_buffer_ + label_buffer_);
    sums_.clear();
    steps_ = 0;
  }

  torch::Tensor loss(const torch::Tensor& rows, const TrainingPlace& /*place*/, Rng& rng) override {
    DlchBatch batch;
    batch.labels = labels_.index_select(0, rows);
    batch.image = torch::tanh(model_->image(image_inputs_.index_select(0, rows)));
    batch.text = torch::tanh(model_->text(text_inputs_.index_select(0, rows)));
    batch.label = torch::tanh(model_->label(batch.labels));
    const auto seen = draw_rows(train_, settings_.buffer_rows, rng);
    batch.image_buffer = image_buffer_.index_select(0, seen);
    batch.text_buffer = text_buffer_.index_select(0, seen);
    batch.label_buffer = label_buffer_.index_select(0, seen);
    batch.similar =
        cosine_label_similarity(batch.labels, labels_.index_select(0, seen), rows.unsqueeze(1).eq(seen.unsqueeze(0)));
    batch.image_codes = image_codes_.index_select(0, rows);
    batch.text_codes = text_codes_.index_select(0, rows);
    const auto terms = dlch_terms(batch, words_, bits_, settings_);
    const torch::NoGradGuard no_grad;
    image_buffer_.index_copy_(0, rows, batch.image.detach());
    text_buffer_.index_copy_(0, rows, batch.text.detach());
    label_buffer_.index_copy_(0, rows, batch.label.detach());
    ++steps_;
    sums_["similarity_loss"] += terms.similarity.item<double>();
    sums_["quantization_loss"] += terms.quantization.item<double>();
    sums_["class_loss"] += terms.classes.item<double>();
    const torch::AutoGradMode with_grad(true);
    return terms.sum();
  }

  std::optional<double> validate() override {
    if (held_out_.positions.size() < 2) return std::nullopt;
    const auto rows = positions_tensor(held_out_.positions);
    const std::int64_t bits = bits_.back();
    const auto codes = [&](const torch::Tensor& outputs) {
      return pack_signs(to_float_matrix(outputs.narrow(1, outputs.size(1) - bits, bits)));
    };
    const auto image = codes(image_outputs(rows));
    const auto text = codes(text_outputs(rows));
    const auto truth = relevance(held_out_.labels, held_out_.labels, RelevanceRule::Kind::kAny);
    const MetricOptions options{.cutoffs = {1}, .bootstrap_samples = 0};
    return (evaluate_codes(image, text, truth, options).map + evaluate_codes(text, image, truth, options).map) / 2;
  }

  std::map<std::string, double> figures() const override {
    std::map<std::string, double> means;
    for (const auto& [name, sum] : sums_) means[name] = sum / static_cast<double>(steps_);
    return means;
  }

  torch::Tensor image_outputs(const torch::Tensor& rows) { return model_->image(image_inputs_.index_select(0, rows)); }
  torch::Tensor text_outputs(const torch::Tensor& rows) { return model_->text(text_inputs_.index_select(0, rows)); }

 private:
  torch::Tensor train_;
  torch::Tensor labels_;  // of all items of the set, multi-hot
  std::vector<std::uint32_t> bits_;
  HeldOutLabels held_out_;
  DlchSettings settings_;
  DlchInput image_, text_;
  torch::Tensor image_inputs_, text_inputs_;  // of all items
  DlchModel model_ = nullptr;
  std::vector<torch::Tensor> words_;                         // of each length
  torch::Tensor image_buffer_, text_buffer_, label_buffer_;  // F, G, H: relaxed codes as last seen
  torch::Tensor image_codes_, text_codes_;                   // Bx, By as of the last epoch
  std::map<std::string, double> sums_;
  std::int64_t steps_ = 0;
};

Result<void> check_set(const TrainingSet& set) {
  if (set.image.features.empty() || set.text.features.empty())
    return fail(
        ErrorCode::kInvalidArgument,
        "dlch learns from features: a tower trained with it would have to change in every update",
        "choose given or frozen encoders: --image-encoder classic, mobilenet_v2 or clip, --text-encoder hashed, "
        "bow or clip");
  return check_training_labels(set, "dlch");
}

}  // namespace

Result<DlchResult> fit_dlch(const TrainingSet& set, const TrainOptions& options, const DlchSettings& settings,
                            const std::filesystem::path& directory, ProgressSink& progress) {
  if (set.train.size() < 2) return fail(ErrorCode::kInvalidArgument, "one pair to train on; dlch needs two or more");
  if (auto checked = check_set(set); !checked) return std::unexpected(checked.error());
  const SingleThreadedTensors single_threaded;
  auto data = PairData::make(set);
  if (!data) return std::unexpected(data.error());
  DlchTask task(*std::move(data), set, options, settings);
  const TrainerSettings trainer{.epochs = settings.epochs,
                                .batch = settings.batch,
                                .learning_rate = settings.learning_rate,
                                .weight_decay = settings.weight_decay,
                                .seed = options.seed};
  const auto run =
      run_training(task, task.train(), trainer, options_digest(set, options, settings), directory, progress);
  if (!run) return std::unexpected(run.error());
  const torch::NoGradGuard no_grad;
  std::vector<std::size_t> positions = set.train;
  positions.insert(positions.end(), set.validation.begin(), set.validation.end());
  const auto rows = positions_tensor(positions);
  return DlchResult{
      .model = task.dlch_model(),
      .image = task.image_input(),
      .text = task.text_input(),
      .image_outputs = task.image_outputs(rows),
      .text_outputs = task.text_outputs(rows),
      .labels = task.labels().index_select(0, rows),
      .report = {.train_seconds = run->seconds,
                 .epochs_run = run->epochs_run,
                 .validation_score = run->best_score.value_or(0),
                 .validation_criterion = run->best_score
                                             ? "mAP of held-out items by their labels, both directions"
                                             : "none: fewer than two labelled items held out, the last epoch was kept",
                 .clean_probability = {}}};
}

}  // namespace warifu
