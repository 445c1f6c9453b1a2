// Runs a fuzz target without libFuzzer: every corpus file as it is, then `--rounds` mutations of
// them from a fixed seed (bit flips, truncation, splices, repeated spans, hostile numbers). With
// clang, link the same target with -fsanitize=fuzzer instead for coverage-guided runs.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/rng.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::byte>;

void mutate(Bytes& bytes, const Bytes& other, warifu::Rng& rng) {
  const auto at = [&] { return bytes.empty() ? 0 : rng.below(bytes.size()); };
  switch (rng.below(6)) {
    case 0:
      if (!bytes.empty()) bytes[at()] ^= static_cast<std::byte>(1U << rng.below(8));
      break;
    case 1:
      bytes.resize(at());
      break;
    case 2: {  // a tail of another file
      bytes.resize(at());
      const auto from = static_cast<std::ptrdiff_t>(other.empty() ? 0 : rng.below(other.size()));
      bytes.insert(bytes.end(), other.begin() + from, other.end());
      break;
    }
    case 3: {  // a span once more
      const auto begin = at();
      const auto length = std::min<std::size_t>(bytes.size() - begin, 1 + rng.below(64));
      const Bytes span(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                       bytes.begin() + static_cast<std::ptrdiff_t>(begin + length));
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at()), span.begin(), span.end());
      break;
    }
    case 4: {  // a number that lengths and products break on
      constexpr std::array<std::uint64_t, 6> kHostile = {0,     0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF,
                                                         ~0ULL, 1ULL << 32};
      const std::uint64_t value = kHostile[rng.below(kHostile.size())];
      const auto begin = at();
      for (std::size_t i = 0; i < 8 && begin + i < bytes.size(); ++i)
        bytes[begin + i] = static_cast<std::byte>(value >> (8 * i));
      break;
    }
    default:
      if (!bytes.empty()) bytes[at()] = static_cast<std::byte>(rng.next());
  }
}

int run(const Bytes& bytes) {
  return LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t rounds = 2000;
  std::vector<Bytes> corpus;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--rounds" && i + 1 < argc) {
      rounds = std::strtoull(argv[++i], nullptr, 10);
      continue;
    }
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) files.push_back(entry.path());
    std::sort(files.begin(), files.end());  // the order of a folder is not the same everywhere
    for (const auto& file : files)
      if (auto bytes = warifu::read_file(file, std::size_t{64} << 20)) corpus.push_back(std::move(*bytes));
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "no corpus files\n");
    return 1;
  }
  for (const Bytes& bytes : corpus) run(bytes);
  run({});
  warifu::Rng rng(20261122);
  for (std::size_t round = 0; round < rounds; ++round) {
    Bytes bytes = corpus[rng.below(corpus.size())];
    const Bytes& other = corpus[rng.below(corpus.size())];
    for (std::uint64_t i = 0, count = 1 + rng.below(6); i < count; ++i) mutate(bytes, other, rng);
    run(bytes);
  }
  std::printf("%zu corpus files, %zu mutations: no crash\n", corpus.size(), rounds);
  return 0;
}
