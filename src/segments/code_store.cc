#include "segments/code_store.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "segments/published_snapshot.h"
#include "segments/store_backup.h"
#include "segments/store_compaction.h"
#include "segments/store_log.h"
#include "segments/store_writer.h"

namespace warifu {
namespace {

Fail refuse(std::string message, std::string hint = {}) {
  return fail(ErrorCode::kInvalidArgument, "code store: " + std::move(message), std::move(hint));
}

Result<void> check_space(const CodeSpace& space) {
  constexpr std::size_t kMaxNameBytes = 4096;
  if (space.bits == 0 || space.bits > kMaxCodeBits)
    return refuse("codes of " + std::to_string(space.bits) + " bits; 1 to " + std::to_string(kMaxCodeBits) +
                  " can be kept");
  for (const std::string* name : {&space.name, &space.method, &space.fingerprint})
    if (name->size() > kMaxNameBytes) return refuse("a name of " + std::to_string(name->size()) + " bytes");
  return {};
}

Result<void> check_rows(std::span<const std::int64_t> rows, std::size_t bytes_per_row) {
  if (rows.size() > kMaxChangeBytes / bytes_per_row)
    return refuse(
        std::to_string(rows.size()) + " rows in one change; at most " + std::to_string(kMaxChangeBytes / bytes_per_row),
        "put them in several calls");
  const auto negative = std::ranges::find_if(rows, [](std::int64_t row) { return row < 0; });
  if (negative != rows.end()) return refuse("row " + std::to_string(*negative) + " is negative");
  return {};
}

Result<void> check_codes(std::span<const std::int64_t> rows, const CodeMatrix& codes, std::uint32_t bits) {
  if (codes.count() != rows.size())
    return refuse(std::to_string(codes.count()) + " codes for " + std::to_string(rows.size()) + " rows");
  if (rows.empty()) return {};
  if (codes.bits() != bits)
    return fail(ErrorCode::kIncompatible,
                "code store: codes of " + std::to_string(codes.bits()) + " bits in a space of " + std::to_string(bits));
  for (std::size_t i = 0; bits % 64 != 0 && i < codes.count(); ++i)
    if ((codes.row(i).back() >> (bits % 64)) != 0)
      return refuse("code " + std::to_string(i) + " has bits set beyond its " + std::to_string(bits));
  return check_rows(rows, (1 + codes.words_per_code()) * sizeof(std::uint64_t));
}

}  // namespace

CodeStore::CodeStore(const CodeSpace& space, Modality modality, const CodeStoreOptions& options)
    : space_(space),
      modality_(modality),
      options_(options),
      published_(std::make_unique<PublishedSnapshot>()),
      queue_([this](CommitQueue::Group group) { commit(group); }) {}

Result<std::unique_ptr<CodeStore>> CodeStore::open(const std::filesystem::path& folder, const CodeSpace& space,
                                                   Modality modality, const CodeStoreOptions& options) {
  if (auto ok = check_space(space); !ok) return std::unexpected(ok.error());
  std::unique_ptr<CodeStore> store(new CodeStore(space, modality, options));
  auto writer = StoreWriter::open(folder, space, modality, options, *store->published_);
  if (!writer) return std::unexpected(writer.error());
  store->writer_ = std::move(*writer);
  if (options.background_compaction) {
    store->wanted_ = true;
    store->compactor_ = std::thread([self = store.get()] { self->compact_in_background(); });
  }
  return store;
}

CodeStore::~CodeStore() {
  if (!writer_) return;
  queue_.drain();
  stop_ = true;
  wake_compaction();
  if (compactor_.joinable()) compactor_.join();
  // An empty log has no last group, which nobody could tell from an interrupted one if it were damaged. Where writing
  // fails the log still has everything.
  static_cast<void>(writer_->flush());
}

std::shared_ptr<const CodeSnapshot> CodeStore::snapshot() const { return published_->load(); }

Ticket CodeStore::submit(std::vector<std::uint64_t> record) {
  Ticket ticket;
  ticket.change_ = queue_.submit(std::move(record));
  return ticket;
}

Ticket CodeStore::submit_put(std::span<const std::int64_t> rows, const CodeMatrix& codes) {
  Ticket ticket;
  if (const auto ok = check_codes(rows, codes, space_.bits); !ok) ticket.refused_ = ok.error();
  if (ticket.refused_ || rows.empty()) return ticket;
  return submit(change_words(ChangeKind::kPut, rows, codes));
}

Ticket CodeStore::submit_remove(std::span<const std::int64_t> rows) {
  Ticket ticket;
  if (const auto ok = check_rows(rows, sizeof(std::int64_t)); !ok) ticket.refused_ = ok.error();
  if (ticket.refused_ || rows.empty()) return ticket;
  return submit(change_words(ChangeKind::kRemove, rows, {}));
}

Result<void> CodeStore::wait(const Ticket& ticket) {
  if (ticket.refused_) return std::unexpected(*ticket.refused_);
  return ticket.change_ ? queue_.wait(*ticket.change_) : Result<void>{};
}

Result<void> CodeStore::put(std::span<const std::int64_t> rows, const CodeMatrix& codes) {
  return wait(submit_put(rows, codes));
}

Result<void> CodeStore::remove(std::span<const std::int64_t> rows) { return wait(submit_remove(rows)); }

void CodeStore::commit(CommitQueue::Group group) {
  bool flushed = false;
  {
    const std::lock_guard writing(writing_);
    const std::uint64_t generation = writer_->generation();
    writer_->commit(group);
    flushed = writer_->generation() != generation;
  }
  if (flushed) wake_compaction();
}

Result<void> CodeStore::flush() {
  {
    const std::lock_guard writing(writing_);
    if (auto ok = writer_->flush(); !ok) return ok;
  }
  wake_compaction();
  return {};
}

// How many segments took the run's place: none where all of it was dead.
Result<std::size_t> CodeStore::compact_run(std::unique_lock<std::mutex>& writing, const SegmentRun& run) {
  CompactionJob job = writer_->begin_compaction(run);
  writing.unlock();
  auto merged = writer_->write_merged(job, stop_);
  writing.lock();
  if (!merged) return std::unexpected(merged.error());
  const std::size_t segments = *merged ? 1 : 0;
  const auto installed = writer_->install(job, std::move(*merged));
  // Unmapping its sources takes longer than installing the result did: writers do not wait for that.
  writing.unlock();
  job = {};
  writing.lock();
  if (!installed) return std::unexpected(installed.error());
  return segments;
}

Result<void> CodeStore::compact() {
  const std::lock_guard compacting(compacting_);
  std::unique_lock writing(writing_);
  if (auto ok = writer_->flush(); !ok) return ok;
  // Writers may go on for ever; each place of the list is looked at once.
  for (std::size_t from = 0;;) {
    const auto run = choose_full_compaction(writer_->segment_sizes(), from, writer_->max_compacted_codes());
    if (!run) return {};
    const auto segments = compact_run(writing, *run);
    if (!segments) return std::unexpected(segments.error());
    from = run->first + *segments;
  }
}

Result<bool> CodeStore::compact_worst() {
  const std::lock_guard compacting(compacting_);
  std::unique_lock writing(writing_);
  const auto run = choose_compaction(writer_->segment_sizes(), writer_->max_compacted_codes());
  if (!run) {
    writer_->note_compaction({});
    return false;
  }
  const auto done = compact_run(writing, *run);
  if (done) return true;
  if (!stop_) writer_->note_compaction(done.error());
  return std::unexpected(done.error());
}

void CodeStore::wake_compaction() {
  {
    const std::lock_guard lock(waking_);
    wanted_ = true;
  }
  wake_.notify_all();
}

void CodeStore::compact_in_background() {
  // Searches and changes come first; on Linux this is the thread's own priority.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10);
  while (!stop_) {
    {
      std::unique_lock lock(waking_);
      wake_.wait(lock, [this] { return wanted_ || stop_; });
      wanted_ = false;
    }
    while (!stop_ && compact_worst().value_or(false)) {
    }
  }
}

Result<void> CodeStore::backup(const std::filesystem::path& target) const {
  BackupPlan plan;
  const ObsoleteFiles::Keeper keeper(writer_->obsolete());
  {
    const std::lock_guard writing(writing_);
    plan = writer_->backup_plan();
  }
  return write_backup(writer_->folder(), plan, target);
}

CodeStoreStats CodeStore::stats() const {
  const std::lock_guard writing(writing_);
  return writer_->stats();
}

}  // namespace warifu
