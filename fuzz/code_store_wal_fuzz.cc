// Attacks the reader of a code store's log (docs/reference/formats/code-store.md). Checksums stop nearly every
// mutation at the door, so each input is also tried with its checksums made right, as a forger would. What is then
// accepted must be written back to the same bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "base/hash.h"
#include "segments/store_log.h"

namespace {

using Words = std::vector<std::uint64_t>;

std::span<const std::byte> bytes_of(std::span<const std::uint64_t> words) { return std::as_bytes(words); }

void set_high_half(std::uint64_t& word, std::uint32_t value) {
  word = (word & 0xFFFFFFFFU) | std::uint64_t{value} << 32;
}

std::uint64_t payload_words(const std::uint64_t* record, std::uint32_t bits) {
  const auto kind = static_cast<std::uint32_t>(record[0]);
  const auto count = static_cast<std::uint32_t>(record[3]);
  return std::uint64_t{count} * (kind == 1 ? 1 + (std::uint64_t{bits} + 63) / 64 : 1);
}

void repair_checksums(Words& words) {
  constexpr std::size_t kHeader = warifu::kLogHeaderWords;
  if (words.size() < kHeader) return;
  set_high_half(words[kHeader - 1], warifu::crc32c(bytes_of(words).first(kHeader * 8 - 4)));
  const std::uint32_t seed = warifu::log_header_checksum(words);
  const auto bits = static_cast<std::uint32_t>(words[1] >> 32);
  for (std::size_t at = kHeader; at + 4 <= words.size();) {
    const std::uint64_t payload = payload_words(&words[at], bits);
    if (payload > words.size() - at - 4) return;
    const auto record = std::span(words).subspan(at, 4 + payload);
    set_high_half(record[0], warifu::crc32c(bytes_of(record.subspan(4))));
    set_high_half(record[3], warifu::crc32c(bytes_of(record).first(28), seed));
    at += record.size();
  }
}

void read_and_write_back(std::span<const std::byte> bytes) {
  const auto log = warifu::parse_log(bytes);
  if (!log) return;
  Words again = warifu::log_header_words(log->header);
  for (const warifu::LoggedChange& change : log->changes) {
    const std::vector<std::int64_t> rows(change.rows.begin(), change.rows.end());
    const bool put = change.kind == warifu::ChangeKind::kPut;
    const warifu::CodeMatrix codes(put ? rows.size() : 0, log->header.bits,
                                   std::vector<std::uint64_t>(change.codes.begin(), change.codes.end()));
    Words record = warifu::change_words(change.kind, rows, codes);
    const std::uint64_t group_first = log->words[again.size() + 2];
    warifu::seal_record(record, warifu::log_header_checksum(log->words), change.sequence, group_first);
    again.insert(again.end(), record.begin(), record.end());
  }
  if (again.size() * 8 != log->end_bytes) std::abort();
  if (!std::ranges::equal(bytes_of(again), bytes.first(log->end_bytes))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  read_and_write_back(input);
  Words words(size / 8);
  if (!words.empty()) std::memcpy(words.data(), data, words.size() * 8);
  repair_checksums(words);
  read_and_write_back(bytes_of(words));
  return 0;
}
