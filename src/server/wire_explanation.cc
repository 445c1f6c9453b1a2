#include <cmath>

#include "server/wire.h"

namespace warifu::wire {
namespace {

// A weight or cosine to four decimals: more says nothing.
double rounded(float value) { return std::round(double{value} * 1e4) / 1e4; }

// How many code points stand before byte `at`.
std::size_t code_points(std::string_view text, std::size_t at) {
  std::size_t count = 0;
  for (const char c : text.substr(0, at)) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

Json write_patches(const ExplainedSide& side) {
  Json named = Json::array();
  for (const NamedPatch& patch : side.named_patches)
    named.push_back(
        {{"row", patch.row}, {"column", patch.column}, {"weight", rounded(patch.weight)}, {"bits", patch.bits}});
  Json weights = Json::array();
  for (const float weight : side.patches.weights) weights.push_back(rounded(weight));
  return {
      {"rows", side.patches.rows},
      {"columns", side.patches.columns},
      {"frame", {{"x", side.frame.x}, {"y", side.frame.y}, {"width", side.frame.width}, {"height", side.frame.height}}},
      {"weights", std::move(weights)},
      {"named", std::move(named)}};
}

Json write_words(const ExplainedSide& side) {
  Json words = Json::array();
  for (const ExplainedWord& word : side.words)
    words.push_back({{"word", side.text.substr(word.begin, word.end - word.begin)},
                     {"start", code_points(side.text, word.begin)},
                     {"end", code_points(side.text, word.end)},
                     {"weight", rounded(word.weight)},
                     {"bits", word.bits},
                     {"named", word.named}});
  return words;
}

Json write_side(const ExplainedSide& side) {
  Json json = {{"modality", modality_name(side.modality)}};
  if (!side.patches.weights.empty()) json["patches"] = write_patches(side);
  if (side.modality != Modality::kImage) {
    json["words"] = write_words(side);
    json["text"] = side.text;
  }
  return json;
}

}  // namespace

Json write(const Explanation& explanation, Language language) {
  Json json = {{"space", explanation.space},
               {"bits", explanation.bits},
               {"id", explanation.id},
               {"modality", modality_name(explanation.item.modality)},
               {"distance", explanation.distance},
               {"sentence", explain_sentence(explanation, language)},
               {"code",
                {{"query", hex_of(explanation.query_code.row(0), explanation.bits)},
                 {"item", hex_of(explanation.item_code.row(0), explanation.bits)},
                 {"shared", explanation.bits - explanation.distance},
                 {"differing", explanation.differing}}},
               {"query", write_side(explanation.query)},
               {"item", write_side(explanation.item)}};
  if (explanation.alignments.empty()) return json;
  Json alignments = Json::array();
  for (const AlignedPhrase& one : explanation.alignments)
    alignments.push_back({{"rows", one.rows},
                          {"columns", one.columns},
                          {"row", one.row},
                          {"column", one.column},
                          {"phrase", one.phrase},
                          {"cosine", rounded(one.cosine)}});
  // Beside the picture, whichever side it is on.
  json[explanation.item.modality == Modality::kImage ? "item" : "query"]["alignments"] = std::move(alignments);
  return json;
}

}  // namespace warifu::wire
