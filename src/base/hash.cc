#include "base/hash.h"

#include <sodium.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace warifu {
namespace {

constexpr std::size_t kHashBytes = 16;

// libsodium must be started before its first use; starting it twice is harmless.
class Blake2b {
 public:
  Blake2b() {
    [[maybe_unused]] const int started = sodium_init();
    crypto_generichash_init(&state_, nullptr, 0, kHashBytes);
  }
  void add(std::span<const std::byte> bytes) {
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  }
  std::string hex() {
    std::array<unsigned char, kHashBytes> digest{};
    crypto_generichash_final(&state_, digest.data(), digest.size());
    std::array<char, 2 * kHashBytes + 1> text{};
    sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
    return std::string(text.data());
  }

 private:
  crypto_generichash_state state_{};
};

constexpr std::uint32_t kCastagnoliReversed = 0x82F63B78U;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) ? kCastagnoliReversed : 0U);
    table[i] = value;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t state) {
  for (const std::byte b : bytes) state = (state >> 8) ^ kCrcTable[(state ^ static_cast<std::uint32_t>(b)) & 0xFFU];
  return state;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::span<const std::byte> bytes, std::uint32_t state) {
  std::uint64_t wide = state;
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    wide = _mm_crc32_u64(wide, word);
    bytes = bytes.subspan(8);
  }
  return crc32c_portable(bytes, static_cast<std::uint32_t>(wide));
}
#endif

}  // namespace

std::string content_hash(std::span<const std::byte> bytes) {
  Blake2b hash;
  hash.add(bytes);
  return hash.hex();
}

std::string content_hash(std::string_view text) { return content_hash(std::as_bytes(std::span(text))); }

Result<std::string> file_hash(const std::filesystem::path& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) {
    const int reason = errno;
    return fail(reason == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, path.string() + ": " + std::strerror(reason));
  }
  Blake2b hash;
  std::vector<std::byte> buffer(std::size_t{1} << 18);
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get()))
    hash.add(std::span(buffer).first(got));
  if (std::ferror(file.get())) return fail(ErrorCode::kIo, path.string() + ": " + std::strerror(errno));
  return hash.hex();
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc) {
#if defined(__x86_64__)
  static const bool has_sse42 = __builtin_cpu_supports("sse4.2");
  if (has_sse42) return ~crc32c_sse42(bytes, ~crc);
#endif
  return ~crc32c_portable(bytes, ~crc);
}

}  // namespace warifu
