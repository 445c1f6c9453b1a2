#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "codes/code_matrix.h"
#include "segments/store_manifest.h"

// The write-ahead log of a code store: docs/reference/formats/code-store.md. Everything is made of 64-bit words.
// Internal to segments/.
namespace warifu {

inline constexpr std::size_t kLogHeaderWords = 10;
inline constexpr std::size_t kLogRecordHeaderWords = 4;
// Of one change. More is refused, so that a reader knows how much memory a record may ask for.
inline constexpr std::size_t kMaxChangeBytes = std::size_t{256} << 20;

enum class ChangeKind : std::uint32_t { kPut = 1, kRemove = 2 };

struct LogHeader {
  std::uint64_t number = 0;
  std::uint64_t first_sequence = 1;  // of its first record
  std::uint64_t salt = 0;            // drawn for each file: no other log's record passes for one of this log
  StoreIdentity identity{};
  std::uint32_t bits = 0;  // of a code
};

std::vector<std::uint64_t> log_header_words(const LogHeader& header);

// A change as it lies in a log, but for the three numbers that are known only when it is written.
//
// `rows` are >= 0 (the caller checks); `codes` has a code for each row, or none for kRemove.
std::vector<std::uint64_t> change_words(ChangeKind kind, std::span<const std::int64_t> rows, const CodeMatrix& codes);

// Completes `record`, which change_words() gave, for its place in the log that begins with `header`:
// its number, and the number of the first record of those that become durable together with it. When a record is
// written, all records before that one are durable.
void seal_record(std::span<std::uint64_t> record, std::uint32_t header_checksum, std::uint64_t sequence,
                 std::uint64_t group_first);

// The checksum of a header, which goes into those of its records.
std::uint32_t log_header_checksum(std::span<const std::uint64_t> header);

// A change that was read; the spans belong to the LogContents (or to the record) it came from.
struct LoggedChange {
  std::uint64_t sequence = 0;
  ChangeKind kind = ChangeKind::kPut;
  std::span<const std::uint64_t> rows;   // each >= 0 as int64
  std::span<const std::uint64_t> codes;  // kPut: whole words of each row's code, one after the other
};

// The change in a whole record whose checksums are right.
LoggedChange change_in(std::span<const std::uint64_t> record, std::uint32_t bits);

struct LogContents {
  LogContents() = default;
  LogContents(LogContents&&) = default;  // changes point into words
  LogContents& operator=(LogContents&&) = default;

  LogHeader header;
  std::vector<std::uint64_t> words;   // of the file
  std::vector<LoggedChange> changes;  // sequences follow each other without a gap
  std::size_t end_bytes = 0;          // where they end
  bool torn = false;                  // something follows: a group that a crash interrupted, or damage of the last one
  // Set: a record that had been acknowledged is unreadable, because a later group of records is there. `later` are
  // the intact records behind it.
  std::optional<std::string> damage;
  std::vector<LoggedChange> later;
};

// `bytes` is the whole file and hostile. kBadFormat if its header or a record whose checksums are right breaks a
// rule; kIncompatible for a newer version. Damage behind the header is no error here: see LogContents.
Result<LogContents> parse_log(std::span<const std::byte> bytes);

}  // namespace warifu
