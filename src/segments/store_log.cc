#include "segments/store_log.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <string_view>

#include "base/hash.h"
#include "segments/store_bytes.h"

namespace warifu {
namespace {

constexpr std::string_view kMagic = "WARIFUCL";
constexpr std::uint32_t kVersion = 1;

struct FixedHeader {
  std::array<char, 8> magic{};
  std::uint32_t version = kVersion;
  std::uint32_t bits = 0;
  std::uint64_t number = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t salt = 0;
  StoreIdentity identity{};
  std::uint32_t zero = 0;
  std::uint32_t crc = 0;  // of the bytes before it
};
static_assert(sizeof(FixedHeader) == kLogHeaderWords * 8, "the layout of version 1 has no gaps");

struct RecordHeader {
  std::uint32_t kind = 0;
  std::uint32_t payload_crc = 0;
  std::uint64_t sequence = 0;
  std::uint64_t group_first = 0;
  std::uint32_t count = 0;  // rows
  std::uint32_t crc = 0;    // of the bytes before it, going on from the header's
};
static_assert(sizeof(RecordHeader) == kLogRecordHeaderWords * 8, "the layout of version 1 has no gaps");

RecordHeader load_header(std::span<const std::uint64_t> record) {
  std::array<std::uint64_t, kLogRecordHeaderWords> words{};
  std::ranges::copy(record.first<kLogRecordHeaderWords>(), words.begin());
  return std::bit_cast<RecordHeader>(words);
}

void store_header(const RecordHeader& header, std::span<std::uint64_t> record) {
  std::ranges::copy(std::bit_cast<std::array<std::uint64_t, kLogRecordHeaderWords>>(header), record.begin());
}

template <typename Header>
std::uint32_t checksum(const Header& header, std::uint32_t seed = 0) {
  return crc32c(std::as_bytes(std::span(&header, 1)).first(sizeof(Header) - sizeof(std::uint32_t)), seed);
}

std::size_t words_per_code(std::uint32_t bits) { return (std::size_t{bits} + 63) / 64; }

// 8-byte words of a record's payload.
std::uint64_t payload_words(const RecordHeader& header, std::uint32_t bits) {
  const std::uint64_t per_row =
      1 + (header.kind == static_cast<std::uint32_t>(ChangeKind::kPut) ? words_per_code(bits) : 0);
  return std::uint64_t{header.count} * per_row;
}

Result<FixedHeader> parse_fixed(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(FixedHeader)) return damaged_store("log: " + std::to_string(bytes.size()) + " bytes");
  FixedHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::string_view(header.magic.data(), header.magic.size()) != kMagic)
    return damaged_store("log: it does not begin with its letters");
  if (header.crc != checksum(header)) return damaged_store("log: the checksum of its header does not match");
  if (header.version > kVersion)
    return fail(ErrorCode::kIncompatible,
                "log: version " + std::to_string(header.version) + "; this program knows versions up to " +
                    std::to_string(kVersion),
                "update warifu");
  if (header.version != kVersion || header.zero != 0 || header.bits == 0 || header.bits > kMaxCodeBits ||
      header.first_sequence == 0)
    return damaged_store("log: its header breaks a rule");
  return header;
}

// Walks records of a file whose header is right.
class RecordScan {
 public:
  RecordScan(std::span<const std::uint64_t> words, const FixedHeader& header) : words_(words), header_(header) {}

  // The header at a word, if its checksum says that it was written here.
  std::optional<RecordHeader> header_at(std::size_t at) const {
    if (words_.size() - at < kLogRecordHeaderWords) return std::nullopt;
    const RecordHeader record = load_header(words_.subspan(at));
    if (record.crc != checksum(record, header_.crc)) return std::nullopt;
    return record;
  }

  // The whole record at a word, if it is all there.
  std::optional<std::span<const std::uint64_t>> record_at(std::size_t at, const RecordHeader& record) const {
    const std::uint64_t payload = payload_words(record, header_.bits);
    if (payload > words_.size() - at - kLogRecordHeaderWords) return std::nullopt;
    const auto whole = words_.subspan(at, kLogRecordHeaderWords + payload);
    if (crc32c(std::as_bytes(whole.subspan(kLogRecordHeaderWords))) != record.payload_crc) return std::nullopt;
    return whole;
  }

 private:
  std::span<const std::uint64_t> words_;
  const FixedHeader& header_;
};

// What a forger may have broken although the checksums are right; nothing: no rule.
std::optional<std::string> broken_rule(const RecordHeader& header, const LoggedChange& change, std::uint32_t bits) {
  if (header.kind != static_cast<std::uint32_t>(ChangeKind::kPut) &&
      header.kind != static_cast<std::uint32_t>(ChangeKind::kRemove))
    return "a change of kind " + std::to_string(header.kind);
  if (header.count == 0) return "an empty change";
  if (header.group_first > header.sequence) return "a group that begins behind its record";
  if (std::ranges::any_of(change.rows, [](std::uint64_t row) { return static_cast<std::int64_t>(row) < 0; }))
    return "a negative row";
  if (bits % 64 == 0) return std::nullopt;
  const std::size_t words = words_per_code(bits);
  for (std::size_t i = words - 1; i < change.codes.size(); i += words)
    if ((change.codes[i] >> (bits % 64)) != 0) return "bits beyond the code";
  return std::nullopt;
}

// Behind the first record that is not intact: proof that it had been acknowledged, and what else is intact.
void look_behind(const RecordScan& scan, std::size_t at, std::uint64_t expected, LogContents& log) {
  const std::size_t end = log.words.size();
  std::uint64_t newest = expected;
  // Only a forger makes many headers whose payloads are not right; reading each of them could take for ever.
  int patience = 1000;
  while (at + kLogRecordHeaderWords <= end && patience > 0) {
    const auto header = scan.header_at(at);
    // A header is proof enough: it was written only after all before its group was durable.
    if (!header || header->sequence < newest || header->group_first > header->sequence) {
      ++at;
      continue;
    }
    if (!log.damage && header->group_first > expected)
      log.damage = "change " + std::to_string(expected) + " at byte " + std::to_string(log.end_bytes) +
                   " is unreadable, but change " + std::to_string(header->sequence) + " behind it is there";
    const auto record = scan.record_at(at, *header);
    if (!record) {
      ++at;
      --patience;
      continue;
    }
    const LoggedChange change = change_in(*record, log.header.bits);
    if (!broken_rule(*header, change, log.header.bits)) log.later.push_back(change);
    newest = header->sequence + 1;
    at += record->size();
  }
}

}  // namespace

std::vector<std::uint64_t> log_header_words(const LogHeader& header) {
  FixedHeader fixed;
  std::ranges::copy(kMagic, fixed.magic.begin());
  fixed.bits = header.bits;
  fixed.number = header.number;
  fixed.first_sequence = header.first_sequence;
  fixed.salt = header.salt;
  fixed.identity = header.identity;
  fixed.crc = checksum(fixed);
  std::vector<std::uint64_t> words(kLogHeaderWords);
  std::memcpy(words.data(), &fixed, sizeof fixed);
  return words;
}

std::uint32_t log_header_checksum(std::span<const std::uint64_t> header) {
  return static_cast<std::uint32_t>(header[kLogHeaderWords - 1] >> 32);
}

std::vector<std::uint64_t> change_words(ChangeKind kind, std::span<const std::int64_t> rows, const CodeMatrix& codes) {
  assert((kind == ChangeKind::kRemove || codes.count() == rows.size()) && "a code for each row");
  std::vector<std::uint64_t> words(kLogRecordHeaderWords);
  words.reserve(kLogRecordHeaderWords + rows.size() + codes.words().size());
  for (const std::int64_t row : rows) words.push_back(static_cast<std::uint64_t>(row));
  if (kind == ChangeKind::kPut) words.insert(words.end(), codes.words().begin(), codes.words().end());
  RecordHeader header;
  header.kind = static_cast<std::uint32_t>(kind);
  header.count = static_cast<std::uint32_t>(rows.size());
  header.payload_crc = crc32c(std::as_bytes(std::span(words).subspan(kLogRecordHeaderWords)));
  store_header(header, words);
  return words;
}

void seal_record(std::span<std::uint64_t> record, std::uint32_t header_checksum, std::uint64_t sequence,
                 std::uint64_t group_first) {
  RecordHeader header = load_header(record);
  header.sequence = sequence;
  header.group_first = group_first;
  header.crc = checksum(header, header_checksum);
  store_header(header, record);
}

LoggedChange change_in(std::span<const std::uint64_t> record, [[maybe_unused]] std::uint32_t bits) {
  const RecordHeader header = load_header(record);
  const auto payload = record.subspan(kLogRecordHeaderWords);
  assert(payload.size() == payload_words(header, bits) && "a whole record");
  return {header.sequence, static_cast<ChangeKind>(header.kind), payload.first(header.count),
          payload.subspan(header.count)};
}

Result<LogContents> parse_log(std::span<const std::byte> bytes) {
  const auto fixed = parse_fixed(bytes);
  if (!fixed) return std::unexpected(fixed.error());
  LogContents log;
  log.header = {fixed->number, fixed->first_sequence, fixed->salt, fixed->identity, fixed->bits};
  log.words.resize(bytes.size() / 8);
  std::memcpy(log.words.data(), bytes.data(), log.words.size() * 8);
  const RecordScan scan(log.words, *fixed);
  std::size_t at = kLogHeaderWords;
  std::uint64_t expected = fixed->first_sequence;
  for (; at < log.words.size(); ++expected) {
    const auto header = scan.header_at(at);
    if (!header || header->sequence != expected) break;
    const auto record = scan.record_at(at, *header);
    if (!record) break;
    const LoggedChange change = change_in(*record, fixed->bits);
    if (const auto broken = broken_rule(*header, change, fixed->bits))
      return damaged_store("log: change " + std::to_string(expected) + ": " + *broken);
    log.changes.push_back(change);
    at += record->size();
  }
  log.end_bytes = at * 8;
  log.torn = log.end_bytes != bytes.size();
  if (log.torn) look_behind(scan, at, expected, log);
  return log;
}

}  // namespace warifu
