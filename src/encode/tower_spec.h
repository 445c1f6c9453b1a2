#pragma once

#include <filesystem>
#include <string>

namespace warifu {

// Which encoder of one modality stands under a method.
//   "given"         the features given at ingest; nothing new can be encoded
//   frozen towers   "classic", "mobilenet_v2", "clip" (pictures); "bow", "clip" (texts): a fixed
//                   function, so its outputs are cached and handed to training as features
//   trained towers  "small" (pictures or texts): learnt together with the method
struct TowerSpec {
  std::string name;
  std::filesystem::path weights;     // safetensors; empty where the tower has none
  std::filesystem::path vocabulary;  // "clip" text: the merges; "bow": the words; "small" text: the SentencePiece model
};

}  // namespace warifu
