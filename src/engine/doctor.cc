#include "engine/doctor.h"

#include <algorithm>
#include <set>

#include "engine/code_files.h"
#include "engine/feedback.h"
#include "engine/workspace.h"
#include "methods/method.h"
#include "segments/code_store.h"
#include "segments/code_store_check.h"
#include "segments/mapped_segment.h"
#include "store/feature_store.h"

namespace warifu {
namespace {

class Examination {
 public:
  Examination(const std::filesystem::path& root, bool repair, ProgressSink& progress)
      : root_(root), repair_(repair), progress_(progress) {}

  Result<DoctorReport> run() {
    std::error_code failure;
    if (!std::filesystem::exists(root_ / "catalog.db", failure)) {
      // Says what to run.
      if (auto workspace = Workspace::open(root_); !workspace) return std::unexpected(workspace.error());
    }
    auto workspace = Workspace::open(root_);
    ++report_.checked;
    if (workspace) {
      workspace_ = &*workspace;
      examine_catalog();
      examine_pictures();
      for (const std::string& space : workspace->space_names())
        if (auto done = examine_space(space); !done) return std::unexpected(done.error());
    } else {
      damaged(root_ / "catalog.db", workspace.error(), "put catalog.db back from a copy, or ingest the sources again");
    }
    examine_features();
    examine_feedback();
    return std::move(report_);
  }

 private:
  void add(const std::filesystem::path& place, std::string what, Finding::State state, std::string hint) {
    report_.findings.push_back({place.string(), std::move(what), state, std::move(hint)});
  }
  void damaged(const std::filesystem::path& place, const Error& error, std::string hint) {
    add(place, error.message, Finding::State::kDamaged, error.hint.empty() ? std::move(hint) : error.hint);
  }

  void examine_catalog() {
    const auto path = root_ / "catalog.db";
    const std::string hint = "put catalog.db back from a copy, or ingest the sources again";
    const auto damages = workspace_->catalog().damages();
    if (!damages) return damaged(path, damages.error(), hint);
    for (const std::string& damage : *damages) add(path, damage, Finding::State::kDamaged, hint);
  }

  // Pictures stay where they were found, so somebody may move them.
  void examine_pictures() {
    const auto items = workspace_->catalog().all_items();
    if (!items) return;  // the catalog's damage is told already
    std::size_t missing = 0;
    std::string example;
    for (const Item& item : *items) {
      if (item.image_uri.empty()) continue;
      std::error_code failure;
      if (std::filesystem::exists(workspace_->picture_path(item), failure)) continue;
      if (missing++ == 0) example = workspace_->picture_path(item).string();
    }
    report_.checked += items->size();
    if (missing > 0)
      add(example, std::to_string(missing) + " pictures are not where they were ingested from, this one first",
          Finding::State::kAdvice, "their codes still find them; put them back to show them or to train again");
  }

  void examine_features() {
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(root_ / "features", failure)) {
      if (entry.path().extension() != ".npy") continue;
      ++report_.checked;
      auto base = entry.path();
      const auto store = open_feature_store(base.replace_extension());
      if (!store) damaged(entry.path(), store.error(), "remove it with its .keys: what is computed is computed again");
    }
  }

  void examine_feedback() {
    std::error_code failure;
    const auto folder = root_ / kFeedbackFolder;
    if (!std::filesystem::exists(folder, failure)) return;
    ++report_.checked;
    const auto store = FeedbackStore::open(folder);
    if (!store) damaged(folder, store.error(), "put the folder back from a copy, or move it away: it begins anew");
  }

  Result<void> examine_space(const std::string& name) {
    const auto folder = workspace_->space_folder(name);
    progress_.note("looking at space '" + name + "'");
    ++report_.checked;
    const std::string hint = "put the folder back from a copy, or train the space again";
    const auto info = read_space_info(folder);
    if (!info) {
      damaged(folder, info.error(), hint);
      return {};
    }
    if (const auto encoder = load_encoder(folder); !encoder) damaged(folder, encoder.error(), hint);
    // Nobody may write while codes are put together again.
    std::optional<WriteLock> lock;
    if (repair_) {
      auto taken = workspace_->lock_space(name);
      if (!taken) return std::unexpected(taken.error());
      lock.emplace(std::move(*taken));
    }
    for (const CodeSpace& space : info->spaces)
      for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth})
        for (std::uint32_t generation = 1; generation <= space.generation; ++generation)
          examine_codes(space, modality, generation);
    return {};
  }

  void examine_codes(const CodeSpace& present, Modality modality, std::uint32_t generation) {
    CodeSpace space = present;
    space.generation = generation;
    const auto folder = code_folder(*workspace_, space.name, modality, space.bits, generation);
    const auto file = old_code_file(folder);
    std::error_code failure;
    const std::string again = generation < present.generation
                                  ? "put it back from a copy: codes of an earlier generation cannot be made again"
                                  : "run 'warifu index --space " + space.name + "': it encodes what is missing";
    if (std::filesystem::exists(folder, failure)) {
      ++report_.checked;
      examine_store(folder, space, modality, again);
    } else if (std::filesystem::exists(file, failure)) {
      ++report_.checked;
      const auto segment = MappedSegment::open(file, SegmentCheck::kWhole);
      if (!segment) damaged(file, segment.error(), again);
    }
  }

  // Older codes may show again where newer ones were lost: none of this generation counts as up to date.
  void encode_again(const std::filesystem::path& folder, const CodeSpace& space) {
    IndexState state = read_index_state(*workspace_, space);
    if (state.fingerprint.empty()) return;
    state.revisions[space.generation] = 0;
    if (auto written = write_index_state(*workspace_, space.name, state); !written)
      damaged(folder, written.error(), "run 'warifu doctor --repair' again");
  }

  void examine_store(const std::filesystem::path& folder, const CodeSpace& space, Modality modality,
                     const std::string& again) {
    const auto checked = check_code_store(folder);
    if (!checked) return damaged(folder, checked.error(), again);
    const bool well = checked->problems.empty() && checked->notes.empty();
    if (!well && !repair_ && !workspace_->lock_space(space.name)) {
      add(folder, "somebody is changing these codes", Finding::State::kAdvice, "run 'warifu doctor' again later");
      return;
    }
    for (const std::string& note : checked->notes) add(folder, note, Finding::State::kAdvice, {});
    if (!checked->problems.empty() && repair_) {
      const auto repaired = repair_code_store(folder, space, modality);
      if (!repaired) return damaged(folder, repaired.error(), again);
      for (const std::string& problem : repaired->problems) add(folder, problem, Finding::State::kRepaired, {});
      for (const std::string& loss : repaired->losses) add(folder, loss, Finding::State::kRepaired, again);
      if (!repaired->losses.empty()) encode_again(folder, space);
    } else {
      for (const std::string& problem : checked->problems)
        add(folder, problem, Finding::State::kDamaged, "run 'warifu doctor --repair', then 'warifu index'");
    }
    if (const auto snapshot = load_code_snapshot(folder, space, modality);
        !snapshot && (repair_ || checked->problems.empty()))
      damaged(folder, snapshot.error(), again);
  }

  std::filesystem::path root_;
  bool repair_;
  ProgressSink& progress_;
  Workspace* workspace_ = nullptr;
  DoctorReport report_;
};

}  // namespace

bool DoctorReport::healthy() const {
  return std::ranges::none_of(findings,
                              [](const Finding& finding) { return finding.state == Finding::State::kDamaged; });
}

Result<DoctorReport> examine(const std::filesystem::path& root, bool repair, ProgressSink& progress) {
  return Examination(root, repair, progress).run();
}

}  // namespace warifu
