#include "segments/store_names.h"

#include <charconv>

namespace warifu {
namespace {

constexpr std::size_t kDigits = 16;
constexpr std::string_view kTemporarySuffix = ".tmp";

std::string hex(std::uint64_t number) {
  std::string digits(kDigits, '0');
  for (std::size_t i = kDigits; number != 0; number >>= 4) digits[--i] = "0123456789abcdef"[number & 15U];
  return digits;
}

// Takes `prefix` off the front of `name`.
bool take(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return true;
}

bool take_number(std::string_view& name, std::uint64_t& number) {
  if (name.size() < kDigits) return false;
  const std::string_view digits = name.substr(0, kDigits);
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
  const char* const first = &digits.front();
  std::from_chars(first, first + kDigits, number, 16);
  name.remove_prefix(kDigits);
  return number < kStoreNumberEnd;
}

// ".tmp", or ".tmp." and six letters or digits (AtomicFile, which writes segments). Six characters behind a mere dot
// would be ".backup" too.
bool ends_a_temporary(std::string_view rest) {
  constexpr std::string_view kDrawn = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  if (!take(rest, kTemporarySuffix)) return false;
  return rest.empty() || (take(rest, ".") && rest.size() == 6 && rest.find_first_not_of(kDrawn) == rest.npos);
}

}  // namespace

std::string segment_file_name(std::uint64_t number, std::uint64_t last_sequence) {
  return "segment-" + hex(number) + "-" + hex(last_sequence) + ".wcs";
}
std::string deletes_file_name(std::uint64_t number) { return "deletes-" + hex(number) + ".wcd"; }
std::string log_file_name(std::uint64_t number) { return "log-" + hex(number) + ".wcl"; }
std::string temporary_file_name(std::string_view name) { return std::string(name) + std::string(kTemporarySuffix); }

std::optional<StoreFileName> parse_store_file_name(std::string_view name) {
  StoreFileName parsed{.name = std::string(name)};
  if (name == kStoreManifestName) {
    parsed.kind = StoreFileKind::kManifest;
    return parsed;
  }
  std::string_view rest = name;
  if (take(rest, kStoreManifestName)) {
    if (rest == kTemporarySuffix) return parsed;
    return std::nullopt;
  }
  std::string_view ending;
  if (take(rest, "segment-")) {
    parsed.kind = StoreFileKind::kSegment;
    ending = ".wcs";
    if (!take_number(rest, parsed.number) || !take(rest, "-") || !take_number(rest, parsed.last_sequence))
      return std::nullopt;
  } else if (take(rest, "deletes-") || take(rest, "log-")) {
    const bool log = name.starts_with("log-");
    parsed.kind = log ? StoreFileKind::kLog : StoreFileKind::kDeletes;
    ending = log ? ".wcl" : ".wcd";
    if (!take_number(rest, parsed.number)) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (!take(rest, ending)) return std::nullopt;
  if (rest.empty()) return parsed;
  if (!ends_a_temporary(rest)) return std::nullopt;
  parsed.kind = StoreFileKind::kTemporary;
  return parsed;
}

}  // namespace warifu
