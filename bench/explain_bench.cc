// Do the patches and words that an explanation names hold the codes of a pair together? Measured by deletion.
//
//   explain_bench WORKSPACE SPACE BITS [PAIRS] [SEED]      e.g. explain_bench ws contrastive 64 100 1
//
// For items drawn from the query split: the picture is explained towards the code of its text, and the text towards
// that of its picture. The heaviest tenth of the patches (quarter of the words, at least one) is blanked (left out) and
// the Hamming distance to the other half measured again; so is an equal number drawn at random, 20 times, and of
// patches once more among those on which something is to be seen, which on a white ground is the harder comparison.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "codes/hamming.h"
#include "engine/start_up.h"
#include "engine/workspace.h"
#include "io/patches.h"
#include "methods/method.h"
#include "text/normalize.h"

namespace {

using namespace warifu;

constexpr double kNamedPatches = 0.1;
constexpr double kNamedWords = 0.25;
constexpr int kDraws = 20;
constexpr int kResamples = 2000;  // of pairs, for the interval of a ratio

template <typename T>
T value_or_exit(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "error: {}\n", result.error().message);
  std::exit(1);
}

// How much the distance grew, for each pair.
struct Growth {
  std::vector<double> named, random;
};

double ratio(const Growth& growth, std::span<const std::size_t> pairs) {
  double named = 0, random = 0;
  for (const std::size_t i : pairs) {
    named += growth.named[i];
    random += growth.random[i];
  }
  return named / random;
}

void print(const char* what, const Growth& growth, Rng& rng) {
  const auto mean = [](const std::vector<double>& values) {
    return std::reduce(values.begin(), values.end()) / static_cast<double>(values.size());
  };
  std::vector<std::size_t> pairs(growth.named.size());
  std::iota(pairs.begin(), pairs.end(), std::size_t{0});
  const double whole = ratio(growth, pairs);
  std::vector<double> ratios;
  for (int i = 0; i < kResamples; ++i) {
    for (std::size_t& pair : pairs) pair = rng.below(pairs.size());
    ratios.push_back(ratio(growth, pairs));
  }
  std::ranges::sort(ratios);
  fmt::print("{:<34} {:>6.2f} {:>7.2f} {:>6.2f} [{:.2f} {:.2f}]  {} pairs\n", what, mean(growth.named),
             mean(growth.random), whole, ratios[kResamples / 40], ratios[kResamples - 1 - kResamples / 40],
             growth.named.size());
}

class Bench {
 public:
  Bench(const char* workspace, const std::string& space, std::uint32_t bits, std::uint64_t seed)
      : workspace_(value_or_exit(Workspace::open(workspace))),
        encoder_(value_or_exit(load_encoder(workspace_.space_folder(space)))),
        rng_(seed) {
    const auto found = std::ranges::find(encoder_->spaces(), bits, &CodeSpace::bits);
    if (found == encoder_->spaces().end()) {
      fmt::print(stderr, "error: no codes of {} bits\n", bits);
      std::exit(1);
    }
    length_ = static_cast<std::size_t>(found - encoder_->spaces().begin());
  }

  void run(std::size_t pairs) {
    auto rows = value_or_exit(workspace_.catalog().split("query"));
    shuffle(std::span(rows), rng_);
    rows.resize(std::min(rows.size(), pairs));
    for (const Item& item : value_or_exit(workspace_.catalog().items(rows)))
      if (item.text && !item.image_uri.empty()) measure(item);
    fmt::print("{:<34} {:>6} {:>7} {:>6} [95% over pairs]\n", "bits further apart without", "named", "random", "ratio");
    print("patches, among all", patches_, rng_);
    print("patches, among those with content", seen_patches_, rng_);
    print("words", words_, rng_);
    fmt::print("{:.0f} ms to explain a picture, {:.0f} ms a text\n",
               1000 * picture_seconds_ / static_cast<double>(explained_),
               1000 * text_seconds_ / static_cast<double>(explained_));
  }

 private:
  CodeMatrix code_of(const EncoderInput& input, Modality modality) const {
    return std::move(value_or_exit(encoder_->encode({&input, 1}, modality))[length_]);
  }

  static std::vector<float> signs_of(const CodeMatrix& code) {
    std::vector<float> signs(code.bits());
    for (std::size_t k = 0; k < signs.size(); ++k) signs[k] = code.bit(0, k) ? 1.0F : -1.0F;
    return signs;
  }

  Attribution explain(const EncoderInput& input, Modality modality, const CodeMatrix& other, double& seconds) const {
    const auto started = std::chrono::steady_clock::now();
    auto found = value_or_exit(encoder_->attribute(input, modality, length_, signs_of(other)));
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return found;
  }

  // `apart(parts)`: the distance without these parts. `drawn_from`: positions that random ones are drawn from.
  void compare(std::span<const float> weights, std::vector<std::size_t> drawn_from, std::size_t count, double before,
               const std::function<double(std::span<const std::size_t>)>& apart, Growth& growth) {
    if (drawn_from.size() < count) return;
    std::vector<std::size_t> order(weights.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return weights[i]; });
    growth.named.push_back(apart(std::span(order).first(count)) - before);
    double sum = 0;
    for (int draw = 0; draw < kDraws; ++draw) {
      shuffle(std::span(drawn_from), rng_);
      sum += apart(std::span(drawn_from).first(count)) - before;
    }
    growth.random.push_back(sum / kDraws);
  }

  void measure(const Item& item) {
    const Image picture =
        value_or_exit(workspace_.read_picture(item, workspace_.image_limits(), encoder_->picture_format()));
    EncoderInput whole;
    whole.picture = &picture;
    whole.text = *item.text;
    const CodeMatrix image_code = code_of(whole, Modality::kImage), text_code = code_of(whole, Modality::kText);
    const double before = hamming_distance(image_code.row(0), text_code.row(0));
    ++explained_;

    const auto patches = explain(whole, Modality::kImage, text_code, picture_seconds_).patches;
    const PatchGrid grid{patches.rows, patches.columns};
    const auto without_patches = [&](std::span<const std::size_t> cells) {
      const Image blank = blank_patches(picture, grid, cells);
      EncoderInput input;
      input.picture = &blank;
      return static_cast<double>(hamming_distance(code_of(input, Modality::kImage).row(0), text_code.row(0)));
    };
    std::vector<std::size_t> all(patches.weights.size()), seen;
    std::iota(all.begin(), all.end(), std::size_t{0});
    for (const std::size_t cell : all)
      if (shows_something(picture, grid, cell)) seen.push_back(cell);
    const auto count = static_cast<std::size_t>(std::ceil(kNamedPatches * static_cast<double>(all.size())));
    compare(patches.weights, all, count, before, without_patches, patches_);
    compare(patches.weights, seen, count, before, without_patches, seen_patches_);

    const auto words = explain(whole, Modality::kText, image_code, text_seconds_).words;
    if (words.size() < 2) return;
    std::vector<float> weights;
    for (const WordWeight& word : words) weights.push_back(word.weight);
    std::vector<std::size_t> places(words.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    const auto some = static_cast<std::size_t>(std::ceil(kNamedWords * static_cast<double>(words.size())));
    compare(
        weights, places, some, before,
        [&](std::span<const std::size_t> chosen) {
          std::vector<TextRange> ranges;
          for (const std::size_t at : chosen) ranges.push_back({words[at].begin, words[at].end});
          std::ranges::sort(ranges, {}, &TextRange::begin);
          const std::string rest = without_ranges(*item.text, ranges);
          EncoderInput input;
          input.text = rest;
          return static_cast<double>(hamming_distance(code_of(input, Modality::kText).row(0), image_code.row(0)));
        },
        words_);
  }

  // Whether more than a hundredth of the cell's pixels are not of the picture's edge colour.
  static bool shows_something(const Image& picture, const PatchGrid& grid, std::size_t cell) {
    const Image blank = blank_patches(picture, grid, {&cell, 1});
    std::size_t different = 0;
    for (std::size_t i = 0; i < picture.rgb.size(); ++i)
      different += std::abs(picture.rgb[i] - blank.rgb[i]) > 8 ? 1 : 0;
    return 100 * different * grid.rows * grid.columns > picture.rgb.size();
  }

  Workspace workspace_;
  std::unique_ptr<Encoder> encoder_;
  std::size_t length_ = 0;
  Rng rng_;
  Growth patches_, seen_patches_, words_;
  double picture_seconds_ = 0, text_seconds_ = 0;
  std::size_t explained_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 6) {
    fmt::print(stderr, "usage: explain_bench WORKSPACE SPACE BITS [PAIRS] [SEED]\n");
    return 2;
  }
  start_up(0);
  const auto number = [&](int at, std::uint64_t usual) {
    return argc > at ? std::strtoull(argv[at], nullptr, 10) : usual;
  };
  Bench bench(argv[1], argv[2], static_cast<std::uint32_t>(number(3, 64)), number(5, 1));
  bench.run(static_cast<std::size_t>(number(4, 100)));
  return 0;
}
