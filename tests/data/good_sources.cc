#include "data/good_sources.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "data/raw_formats.h"
#include "io/image_file.h"

namespace warifu::fixtures {
namespace {

constexpr std::size_t kImageFeatures = 32;
constexpr std::size_t kTextFeatures = 24;
constexpr std::size_t kQueries = 12;
constexpr std::size_t kTrain = 40;

std::string file_name(const Drawing& drawing) { return drawing.id + (drawing.japanese ? ".jpg" : ".png"); }

Bytes encoded(const Drawing& drawing, bool jpeg) {
  const auto bytes = jpeg ? encode_jpeg(drawing.image, 92) : encode_png(drawing.image);
  return {reinterpret_cast<const char*>(bytes.value().data()), bytes->size()};
}

std::string json_line(const Drawing& drawing) {
  return R"({"id":")" + drawing.id + R"(","image":"pictures/)" + file_name(drawing) + R"(","text":")" +
         drawing.description + R"(","labels":{"shape":[")" + drawing.shape + R"("],"colour":[")" + drawing.colour +
         "\"]}}\n";
}

std::string table(std::span<const Drawing> drawings, char separator) {
  const std::string s(1, separator);
  std::string text = "id" + s + "image" + s + "text" + s + "shape" + s + "colour\n";
  for (const Drawing& drawing : drawings)
    text += drawing.id + s + "pictures/" + file_name(drawing) + s + drawing.description + s + drawing.shape + s +
            drawing.colour + "\n";
  return text;
}

void write_folder(const std::filesystem::path& folder, std::span<const Drawing> drawings) {
  for (const Drawing& drawing : drawings) {
    const std::filesystem::path stem = folder / drawing.shape / drawing.id;
    write(stem.string() + (drawing.japanese ? ".jpg" : ".png"), encoded(drawing, drawing.japanese));
    if (drawing.japanese) {
      write(stem.string() + ".json", R"({"text":")" + drawing.description + R"(","labels":{"shape":[")" +
                                         drawing.shape + R"("],"colour":[")" + drawing.colour + "\"]}}\n");
    } else {
      write(stem.string() + ".txt", drawing.description + "\n");
    }
  }
}

Bytes archive(std::span<const Drawing> drawings) {
  Bytes tar;
  for (const Drawing& drawing : drawings)
    tar += tar_member(drawing.id + ".png", encoded(drawing, false)) +
           tar_member(drawing.id + ".txt", drawing.description) +
           tar_member(drawing.id + ".json",
                      R"({"labels":{"shape":[")" + drawing.shape + R"("],"colour":[")" + drawing.colour + "\"]}}");
  return tar + tar_end();
}

// A direction for every shape and every colour; an item's feature is the sum of its two, and noise.
std::vector<float> features(std::span<const Drawing> drawings, std::size_t width, std::uint64_t seed) {
  Rng rng(seed);
  const auto draw = [&rng] { return static_cast<float>(rng.uniform() - 0.5); };
  std::map<std::string, std::vector<float>> directions;
  for (const Drawing& drawing : drawings)
    for (const std::string& word : {drawing.shape, drawing.colour})
      if (auto& direction = directions[word]; direction.empty())
        std::generate_n(std::back_inserter(direction), width, draw);
  std::vector<float> values;
  for (const Drawing& drawing : drawings)
    for (std::size_t i = 0; i < width; ++i)
      values.push_back(directions[drawing.shape][i] + directions[drawing.colour][i] + 0.2F * draw());
  return values;
}

Bytes as_bytes(std::span<const float> values) {
  Bytes data;
  for (const float value : values)
    data += static_cast<char>(static_cast<unsigned char>(std::lround(std::clamp(value * 80 + 128, 0.0F, 255.0F))));
  return npy(npy_header("|u1", values.size() / kImageFeatures, kImageFeatures), data);
}

void write_splits(const std::filesystem::path& folder, std::span<const Drawing> drawings) {
  std::vector<std::string> ids;
  for (const Drawing& drawing : drawings) ids.push_back(drawing.id);
  Rng rng(7);
  shuffle(std::span(ids), rng);
  const auto lines = [&ids](std::size_t begin, std::size_t end) {
    std::string text;
    for (std::size_t i = begin; i < end; ++i) text += ids[i] + "\n";
    return text;
  };
  write(folder / "query.txt", lines(0, kQueries));
  write(folder / "database.txt", lines(kQueries, ids.size()));
  write(folder / "train.txt", lines(kQueries, kQueries + kTrain));
}

}  // namespace

void write_good_sources(const std::filesystem::path& folder, std::span<const Drawing> drawings) {
  std::string json_lines;
  std::string ids;
  std::string labels;
  for (const Drawing& drawing : drawings) {
    write(folder / "pictures" / file_name(drawing), encoded(drawing, drawing.japanese));
    json_lines += json_line(drawing);
    ids += drawing.id + "\n";
    labels += drawing.shape + "\t" + drawing.colour + "\n";
  }
  write(folder / "pairs.csv", table(drawings, ','));
  write(folder / "pairs.tsv", table(drawings, '\t'));
  write(folder / "pairs.jsonl", json_lines);
  write_folder(folder / "folder", drawings);
  write(folder / "pairs.tar", archive(drawings));
  const std::vector<float> image = features(drawings, kImageFeatures, 1);
  write(folder / "image.npy", npy_floats(kImageFeatures, image));
  write(folder / "image_u8.npy", as_bytes(image));
  write(folder / "text.npy", npy_floats(kTextFeatures, features(drawings, kTextFeatures, 2)));
  write(folder / "ids.txt", ids);
  write(folder / "labels.txt", labels);
  write_splits(folder / "splits", drawings);
}

}  // namespace warifu::fixtures
