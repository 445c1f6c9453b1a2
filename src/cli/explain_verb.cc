#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "cli/verb.h"
#include "engine/explain_sentence.h"
#include "engine/explainer.h"
#include "io/image_file.h"
#include "server/wire.h"

namespace warifu {
namespace {

// "12 · 40 · 3".
std::string list_of(const std::vector<std::uint32_t>& bits) { return fmt::format("{}", fmt::join(bits, " · ")); }

class ExplainVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.argument("ID", id_, "the item whose match is explained")->required();
    flags.value("--text", text_, "words that were looked for");
    flags.value("--image", image_, "picture that was looked for");
    flags.value("--like", like_, "id of the item that was looked for");
    flags.value("--half", half_, "half of the item that matched: image, text or both (default: the nearer one)");
    flags.value("--space", space_, "code space (default: the only one, or 'contrastive')");
    flags.value("--bits", bits_, "code length (default: the longest)");
    flags.value("--language", language_, "of the sentence: en or ja")->capture_default_str();
    flags.value("--overlay", overlay_, "also write the pictures with the patches laid over them: FILE.png");
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    const auto language = parse_language(language_);
    if (!language) return std::unexpected(language.error());
    ExplainRequest request;
    request.id = id_;
    if (!text_.empty()) request.text = text_;
    if (!image_.empty()) request.image = image_;
    if (!like_.empty()) request.like = like_;
    if (!half_.empty()) {
      const auto half = parse_modality(half_);
      if (!half) return std::unexpected(half.error());
      request.half = *half;
    }
    if (!request.text && !request.image && !request.like)
      return fail(ErrorCode::kInvalidArgument, "there is no query to explain",
                  "give --text, --image, both, or --like ID");
    const auto workspace = Workspace::open(invocation.workspace);
    if (!workspace) return std::unexpected(workspace.error());
    const auto explainer = Explainer::open(*workspace, space_, bits_);
    if (!explainer) return std::unexpected(explainer.error());
    const auto explanation = explainer->explain(request);
    if (!explanation) return std::unexpected(explanation.error());
    if (!overlay_.empty()) {
      const auto drawn = explainer->draw(request, *explanation);
      if (!drawn) return std::unexpected(drawn.error());
      const auto png = encode_png(*drawn);
      if (!png) return std::unexpected(png.error());
      if (auto written = write_file_atomically(overlay_, *png); !written) return std::unexpected(written.error());
    }
    if (*form == OutputForm::kTable)
      print(*explanation, *language);
    else
      print_json(wire::write(*explanation, *language), *form);
    return 0;
  }

 private:
  static void print(const Explanation& explanation, Language language) {
    print_line(explain_sentence(explanation, language));
    Table table({"side", "part", "weight", "bits it holds"});
    const auto add = [&](const char* name, const ExplainedSide& side) {
      for (const NamedPatch& patch : side.named_patches)
        table.add({name,
                   fmt::format("patch {}, {} of {} x {}", patch.row + 1, patch.column + 1, side.patches.rows,
                               side.patches.columns),
                   fixed(double{patch.weight}, 2), list_of(patch.bits)});
      for (const ExplainedWord& word : side.words)
        table.add({name, side.text.substr(word.begin, word.end - word.begin), fixed(double{word.weight}, 2),
                   list_of(word.bits)});
    };
    add("query", explanation.query);
    add("item", explanation.item);
    table.print();
    for (const AlignedPhrase& one : explanation.alignments)
      print_line(fmt::format("“{}” goes with patch {}, {} of {} x {} (cosine {})", one.phrase, one.row + 1,
                             one.column + 1, one.rows, one.columns, fixed(double{one.cosine}, 2)));
    print_line(
        fmt::format("bits that differ: {}", explanation.differing.empty() ? "none" : list_of(explanation.differing)));
  }

  std::string id_;
  std::string text_;
  std::filesystem::path image_;
  std::string like_;
  std::string half_;
  std::string space_;
  std::uint32_t bits_ = 0;
  std::string language_ = "en";
  std::filesystem::path overlay_;
};

}  // namespace

std::unique_ptr<Verb> make_explain_verb() { return std::make_unique<ExplainVerb>(); }

}  // namespace warifu
