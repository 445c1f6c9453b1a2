#pragma once

#include <filesystem>
#include <string>

namespace warifu {

inline constexpr int kMaxParts = 64;

// Which encoder of one modality stands under a method.
//   "given"         the features given at ingest; nothing new can be encoded
//   frozen towers   "classic", "mobilenet_v2", "clip" (pictures); "bow", "hashed", "clip" (texts): a fixed
//                   function, so its outputs are cached and handed to training as features
//   trained towers  "small" (pictures or texts): learnt together with the method
struct TowerSpec {
  std::string name;
  std::filesystem::path weights;     // safetensors; empty where the tower has none
  std::filesystem::path vocabulary;  // "clip" text: the merges; "bow": the words; "small" text: the SentencePiece model

  // How many parts a frozen tower gives beside the whole: its row is [whole | part 1 | … | part `parts`], all of one
  // width, parts that are not there all zeros. Of pictures a square number, the cells of a grid in rows from the top;
  // of texts the most phrases (text/phrases.h). 0 … kMaxParts; 0, and nothing else for "given" and trained towers:
  // the whole alone.
  int parts = 0;
};

}  // namespace warifu
