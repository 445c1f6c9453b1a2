#include <fmt/format.h>

#include "cli/verb.h"
#include "engine/export_codes.h"

namespace warifu {
namespace {

class ImportVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.value("--space", space_, "code space that the codes are of")->required();
    flags.value("--bits", bits_, "code length (default: the longest)");
    flags.value("--modality", modality_, "image, text or both")->capture_default_str();
    flags.value("--codes", codes_, "NPY array (.npy) or FAISS binary index")->required();
    flags.value("--ids", ids_, "item ids, one a line, in the order of the codes")->required();
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    auto workspace = Workspace::open(invocation.workspace);
    if (!workspace) return std::unexpected(workspace.error());
    const auto modality = parse_modality(modality_);
    if (!modality) return std::unexpected(modality.error());
    const auto imported = import_codes(*workspace, space_, bits_, *modality, codes_, ids_);
    if (!imported) return std::unexpected(imported.error());
    if (*form == OutputForm::kTable) {
      print_line(fmt::format("{} codes imported", count_text(imported->count)));
      if (!imported->unknown_ids.empty())
        print_line(fmt::format("{} ids are of no item, '{}' first: left out", count_text(imported->unknown_ids.size()),
                               imported->unknown_ids.front()));
    } else {
      print_json({{"count", imported->count}, {"unknown_ids", imported->unknown_ids}}, *form);
    }
    return 0;
  }

 private:
  std::string space_;
  std::uint32_t bits_ = 0;
  std::string modality_ = "image";
  std::filesystem::path codes_;
  std::filesystem::path ids_;
};

}  // namespace

std::unique_ptr<Verb> make_import_verb() { return std::make_unique<ImportVerb>(); }

}  // namespace warifu
