#include <fmt/format.h>

#include "cli/verb.h"
#include "engine/export_codes.h"

namespace warifu {
namespace {

class ExportVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.value("--space", space_, "code space")->required();
    flags.value("--bits", bits_, "code length (default: the longest)");
    flags.value("--modality", modality_, "image, text or both")->capture_default_str();
    flags.value("--to", folder_, "folder to write into")->required();
    flags.value("--format", format_, "npy, or faiss for a FAISS IndexBinaryFlat")->capture_default_str();
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    auto workspace = Workspace::open(invocation.workspace);
    if (!workspace) return std::unexpected(workspace.error());
    const auto modality = parse_modality(modality_);
    if (!modality) return std::unexpected(modality.error());
    const auto format = parse_code_format(format_);
    if (!format) return std::unexpected(format.error());
    const auto written = export_codes(*workspace, space_, bits_, *modality, folder_, *format);
    if (!written) return std::unexpected(written.error());
    if (*form == OutputForm::kTable) {
      print_line(fmt::format("{} codes in {}, ids in {}", count_text(written->count), written->codes.string(),
                             written->ids.string()));
    } else {
      print_json({{"codes", written->codes.string()}, {"ids", written->ids.string()}, {"count", written->count}},
                 *form);
    }
    return 0;
  }

 private:
  std::string space_;
  std::uint32_t bits_ = 0;
  std::string modality_ = "image";
  std::filesystem::path folder_;
  std::string format_ = "npy";
};

}  // namespace

std::unique_ptr<Verb> make_export_verb() { return std::make_unique<ExportVerb>(); }

}  // namespace warifu
