#include "security/audit_line.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "security/access_store.h"

namespace warifu {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kHexDigits = 64;
constexpr std::string_view kSeq = R"({"seq":)";
constexpr std::string_view kPrev = R"(,"prev":")";
constexpr std::string_view kHash = R"(","hash":")";
constexpr std::string_view kEnd = R"("})";
constexpr std::size_t kHashFieldBytes = kHash.size() - 1 + kHexDigits + kEnd.size();  // from its comma on
constexpr std::size_t kTailBytes = kPrev.size() + kHexDigits + 1 + kHashFieldBytes;

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDone:
      return "done";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kFailed:
      return "failed";
  }
  return "failed";
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// ISO 8601 in UTC, with milliseconds.
std::string time_text(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::floor<std::chrono::milliseconds>(time - seconds);
  std::string text = utc_text(seconds);
  text.pop_back();
  return fmt::format("{}.{:03}Z", text, rest.count());
}

}  // namespace

std::string audit_hash(std::string_view bytes) {
  std::array<unsigned char, kHexDigits / 2> digest{};
  crypto_generichash(digest.data(), digest.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                     nullptr, 0);
  std::array<char, kHexDigits + 1> text{};
  sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
  return text.data();
}

AuditLine make_audit_line(const AuditEntry& entry, std::uint64_t seq, std::chrono::system_clock::time_point time,
                          std::string_view prev) {
  Json detail = Json::object();
  for (const auto& [name, value] : entry.detail)
    std::visit([&, &key = name](const auto& plain) { detail[key] = plain; }, value);
  const Json object{{"seq", seq},
                    {"time", time_text(time)},
                    {"who", entry.who},
                    {"key", entry.key},
                    {"action", entry.action},
                    {"items", entry.items},
                    {"outcome", outcome_name(entry.outcome)},
                    {"status", entry.status},
                    {"request", entry.request},
                    {"detail", std::move(detail)},
                    {"prev", prev}};
  AuditLine line;
  line.text = object.dump(-1, ' ', false, Json::error_handler_t::replace);
  line.text.pop_back();
  line.hash = audit_hash(line.text);
  line.text += R"(,"hash":")" + line.hash + "\"}";
  return line;
}

std::optional<AuditLink> read_audit_link(std::string_view line) {
  if (line.size() < kSeq.size() + kTailBytes || !line.starts_with(kSeq)) return std::nullopt;
  AuditLink link;
  const char* const digits = line.data() + kSeq.size();
  const auto [end, status] = std::from_chars(digits, line.data() + line.size(), link.seq);
  // One way to write a number: no leading zero.
  if (status != std::errc() || *digits == '0' || end == line.data() + line.size() || *end != ',') return std::nullopt;
  std::string_view tail = line.substr(line.size() - kTailBytes);
  for (std::string_view* hex : {&link.prev, &link.hash}) {
    const std::string_view name = hex == &link.prev ? kPrev : kHash;
    if (!tail.starts_with(name)) return std::nullopt;
    *hex = tail.substr(name.size(), kHexDigits);
    if (!is_hex(*hex)) return std::nullopt;
    tail.remove_prefix(name.size() + kHexDigits);
  }
  if (tail != kEnd) return std::nullopt;
  return link;
}

bool audit_hash_matches(std::string_view line, const AuditLink& link) {
  return audit_hash(line.substr(0, line.size() - kHashFieldBytes)) == link.hash;
}

}  // namespace warifu
