#include "engine/backup.h"

#include <algorithm>
#include <string>
#include <system_error>

#include "base/file.h"
#include "engine/feedback.h"

namespace warifu {
namespace {

namespace fs = std::filesystem;

class Copy {
 public:
  Copy(fs::path from, fs::path to, ProgressSink& progress)
      : from_(std::move(from)), to_(std::move(to)), progress_(progress) {}

  // One file; `grows`: it may change later, so it is no hard link.
  Result<void> file(const fs::path& relative, bool grows) {
    std::error_code failure;
    fs::create_directories((to_ / relative).parent_path(), failure);
    if (failure) return error(relative, failure);
    if (!grows) fs::create_hard_link(from_ / relative, to_ / relative, failure);
    if (grows || failure) {
      failure.clear();
      fs::copy_file(from_ / relative, to_ / relative, fs::copy_options::overwrite_existing, failure);
    }
    if (failure) return error(relative, failure);
    ++report_.files;
    report_.bytes += fs::file_size(to_ / relative, failure);
    progress_.advance("copying files", report_.files, 0);
    if (progress_.stop_requested()) return fail(ErrorCode::kUnavailable, "stopped on request");
    return {};
  }

  // Everything below a folder that `wanted` takes.
  template <typename Wanted>
  Result<void> folder(const fs::path& relative, bool grows, Wanted wanted) {
    std::error_code failure;
    fs::recursive_directory_iterator entry(from_ / relative, failure);
    if (failure) return failure == std::errc::no_such_file_or_directory ? Result<void>() : error(relative, failure);
    for (; entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
      if (failure) return error(relative, failure);
      const fs::path inside = fs::relative(entry->path(), from_, failure);
      if (!wanted(inside)) {
        if (entry->is_directory(failure)) entry.disable_recursion_pending();
        continue;
      }
      if (!entry->is_regular_file(failure)) continue;
      if (auto copied = file(inside, grows); !copied) return copied;
    }
    return {};
  }

  // What people said of answers: while somebody else may be saying more.
  Result<void> feedback() {
    std::error_code failure;
    if (!fs::exists(from_ / kFeedbackFolder, failure)) return {};
    const auto store = FeedbackStore::open(from_ / kFeedbackFolder);
    if (!store) return std::unexpected(store.error());
    if (auto copied = (*store)->backup(to_ / kFeedbackFolder); !copied) return copied;
    for (fs::recursive_directory_iterator entry(to_ / kFeedbackFolder, failure), end; entry != end && !failure;
         entry.increment(failure)) {
      if (!entry->is_regular_file(failure)) continue;
      ++report_.files;
      report_.bytes += entry->file_size(failure);
    }
    return {};
  }

  const BackupReport& report() const { return report_; }

 private:
  static Fail error(const fs::path& relative, const std::error_code& failure) {
    return fail(ErrorCode::kIo, relative.string() + ": " + failure.message(), "see that the disk has room");
  }

  fs::path from_;
  fs::path to_;
  ProgressSink& progress_;
  BackupReport report_;
};

Result<BackupReport> copy_all(Workspace& workspace, LiveSpace& live, const fs::path& target, ProgressSink& progress) {
  Copy copy(workspace.root(), target, progress);
  if (auto saved = workspace.catalog().backup(target / "catalog.db"); !saved) return std::unexpected(saved.error());
  const auto everything = [](const fs::path&) { return true; };
  if (auto copied = copy.folder("features", true, everything); !copied) return std::unexpected(copied.error());
  for (const char* folder : {"pictures", "vocabularies"})
    if (auto copied = copy.folder(folder, false, everything); !copied) return std::unexpected(copied.error());
  // The codes of the served space as its stores give them; the rest, codes of its earlier generations and other
  // spaces among it, as the files are.
  if (auto noted = live.note_state(); !noted) return std::unexpected(noted.error());
  const fs::path codes = fs::path("spaces") / live.space().name / "codes";
  const auto stores = live.backup(target / codes);
  if (!stores) return std::unexpected(stores.error());
  const auto not_yet = [&](const fs::path& inside) {
    if (std::ranges::any_of(inside, [](const fs::path& part) { return part.string().starts_with('.'); })) return false;
    return inside.parent_path() != codes || std::ranges::find(*stores, inside.filename()) == stores->end();
  };
  if (auto copied = copy.folder("spaces", true, not_yet); !copied) return std::unexpected(copied.error());
  if (auto copied = copy.feedback(); !copied) return std::unexpected(copied.error());
  return copy.report();
}

}  // namespace

Result<BackupReport> backup_workspace(Workspace& workspace, LiveSpace& live, const fs::path& target,
                                      ProgressSink& progress) {
  std::error_code failure;
  const fs::path whole = fs::absolute(target, failure).lexically_normal();
  if (target.empty() || fs::exists(whole, failure))
    return fail(ErrorCode::kInvalidArgument, "'" + target.string() + "' exists already", "name a folder that does not");
  const auto inside = whole.lexically_relative(workspace.root());
  if (!inside.empty() && *inside.begin() != "..")
    return fail(ErrorCode::kInvalidArgument, "'" + target.string() + "' lies inside the workspace",
                "keep a backup somewhere else");
  const fs::path unfinished = whole.string() + ".unfinished";
  fs::remove_all(unfinished, failure);
  fs::create_directories(unfinished, failure);
  if (failure) return fail(ErrorCode::kIo, unfinished.string() + ": " + failure.message());
  auto report = copy_all(workspace, live, unfinished, progress);
  if (report) {
    fs::rename(unfinished, whole, failure);
    if (failure) report = fail(ErrorCode::kIo, whole.string() + ": " + failure.message());
  }
  if (!report) {
    fs::remove_all(unfinished, failure);
    return report;
  }
  report->target = whole;
  return report;
}

}  // namespace warifu
