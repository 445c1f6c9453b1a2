#include <fmt/format.h>

#include <charconv>
#include <span>

#include "cli/named_share.h"
#include "cli/verb.h"
#include "engine/train.h"

namespace warifu {
namespace {

Result<double> parse_noise(std::string_view text) {
  if (text.empty()) return 0.0;
  const auto named = parse_named_share(text);
  if (named && named->name == "pairs") return named->share;
  return fail(ErrorCode::kInvalidArgument, "noise '" + std::string(text) + "' is not pairs:SHARE",
              "for example --noise pairs:0.4");
}

// Lengths, "auto" and "auto:0.02".
Result<void> parse_bits(std::span<const std::string> words, TrainRequest& request) {
  constexpr double kTolerance = 0.01;
  for (const std::string& word : words) {
    const auto named = parse_named_share(word);
    if (word == "auto" || (named && named->name == "auto")) {
      request.bits_tolerance = named ? named->share : kTolerance;
      continue;
    }
    std::uint32_t bits = 0;
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), bits);
    if (failure != std::errc() || end != word.data() + word.size())
      return fail(ErrorCode::kInvalidArgument, "bits '" + word + "' is neither a length nor auto or auto:LOSS",
                  "for example --bits 16,32,64, or --bits auto:0.02");
    request.bits.push_back(bits);
  }
  return {};
}

class TrainVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.value("--method", request_.method, "one of: " + trainable_methods())->required();
    flags.value("--space", request_.space, "name of the code space (default: the method's name)");
    flags.list(
        "--bits", bits_,
        "code lengths, all trained in one run (default: 16,32,64,128, as far as the data allow); auto:0.01 keeps "
        "the shortest that loses at most that much mAP on held-out items (default of auto: 0.01)");
    flags.list("--labels", request_.label_columns, "label columns to use (default: every one)");
    flags.list("--only-labels", request_.only_labels,
               "train on items with these label values and no other in their columns");
    flags.value("--image-encoder", request_.image_encoder,
                "given, small, classic, mobilenet_v2 or clip (default: given features, else the method's best)");
    flags.value("--image-weights", request_.image_weights, "weights of mobilenet_v2 or clip (.safetensors)");
    flags.value("--text-encoder", request_.text_encoder, "given, small, bow, hashed or clip");
    flags.value("--text-weights", request_.text_weights, "weights of the clip text tower (default: --image-weights)");
    flags.value("--text-vocabulary", request_.text_vocabulary, "CLIP's merges (bpe_simple_vocab_16e6.txt.gz)");
    flags.value("--epochs", request_.epochs, "0: the method's own number")->capture_default_str();
    flags.value("--seed", request_.seed, "same seed, same machine: same codes")->capture_default_str();
    flags.list("--set", request_.settings, "name=value of the method's own settings, for example temperature=0.3");
    flags.value("--start-from", request_.start_from,
                "go on from the weights of this trained space of the same method, with its encoders");
    flags.value("--noise", noise_, "pairs:0.4 exchanges the texts of 40% of the training pairs");
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    const auto noise = parse_noise(noise_);
    if (!noise) return std::unexpected(noise.error());
    request_.pair_noise = *noise;
    if (auto parsed = parse_bits(bits_, request_); !parsed) return std::unexpected(parsed.error());
    auto workspace = Workspace::open(invocation.workspace);
    if (!workspace) return std::unexpected(workspace.error());
    const auto outcome = train(*workspace, request_, *invocation.progress);
    if (!outcome) return std::unexpected(outcome.error());
    if (*form == OutputForm::kTable) {
      print_table(*outcome);
      return 0;
    }
    Json line = {{"space", outcome->space},
                 {"method", request_.method},
                 {"bits", outcome->bits},
                 {"image_encoder", outcome->image_encoder},
                 {"text_encoder", outcome->text_encoder},
                 {"seed", request_.seed},
                 {"train_items", outcome->train_items},
                 {"validation_items", outcome->validation_items},
                 {"left_out", outcome->left_out},
                 {"epochs_run", outcome->report.epochs_run},
                 {"validation_criterion", outcome->report.validation_criterion},
                 {"validation_score", outcome->report.validation_score},
                 {"train_seconds", outcome->report.train_seconds},
                 {"seconds", outcome->seconds}};
    if (!request_.start_from.empty()) line["start_from"] = request_.start_from;
    for (const auto& [bits, map] : outcome->report.validation_by_bits)
      line["validation_by_bits"][std::to_string(bits)] = map;
    if (request_.bits_tolerance) line["bits_tolerance"] = *request_.bits_tolerance;
    if (!outcome->report.caveat.empty()) line["caveat"] = outcome->report.caveat;
    if (outcome->mismatched_pairs > 0) line["mismatched_pairs"] = outcome->mismatched_pairs;
    if (outcome->suspicious_pairs) line["suspicious_pairs"] = *outcome->suspicious_pairs;
    if (outcome->suspicious_recall) line["suspicious_recall"] = *outcome->suspicious_recall;
    if (outcome->suspicious_precision) line["suspicious_precision"] = *outcome->suspicious_precision;
    print_json(line, *form);
    return 0;
  }

 private:
  void print_table(const TrainOutcome& outcome) const {
    print_line(fmt::format(
        "space '{}': {} on {} pairs ({} held out for validation), pictures through '{}', texts through '{}'",
        outcome.space, request_.method, count_text(outcome.train_items), count_text(outcome.validation_items),
        outcome.image_encoder, outcome.text_encoder));
    if (outcome.left_out > 0)
      print_line(
          fmt::format("{} train items were left out: they lack a picture or a text", count_text(outcome.left_out)));
    if (outcome.report.epochs_run > 0)
      print_line(fmt::format("{} epochs; {} {:.3f}", outcome.report.epochs_run, outcome.report.validation_criterion,
                             outcome.report.validation_score));
    if (request_.bits_tolerance) {
      Table curve({"bits", "mAP of held-out items", ""});
      for (const auto& [bits, map] : outcome.report.validation_by_bits)
        curve.add({std::to_string(bits), fixed(map, 3), bits == outcome.bits.front() ? "kept" : ""});
      curve.print();
    }
    if (outcome.suspicious_pairs.value_or(0) > 0)
      print_line(fmt::format("{} pairs look wrong: spaces/{}/suspicious-pairs.csv in the workspace lists them",
                             count_text(*outcome.suspicious_pairs), outcome.space));
    if (outcome.suspicious_recall)
      print_line(fmt::format(
          "{} pairs were mismatched on purpose: the list holds {:.3f} of them; {:.3f} of it is right",
          count_text(outcome.mismatched_pairs), *outcome.suspicious_recall, outcome.suspicious_precision.value_or(1)));
    print_line(fmt::format("trained in {} ({} with reading and encoding)", seconds_text(outcome.report.train_seconds),
                           seconds_text(outcome.seconds)));
    print_line("next: warifu index --space " + outcome.space);
  }

  TrainRequest request_;
  std::vector<std::string> bits_;
  std::string noise_;
};

}  // namespace

std::unique_ptr<Verb> make_train_verb() { return std::make_unique<TrainVerb>(); }

}  // namespace warifu
