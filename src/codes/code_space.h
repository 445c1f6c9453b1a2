#pragma once

#include <cstdint>
#include <string>

namespace warifu {

enum class Modality { kImage, kText, kBoth };

// "image", "text" or "both", as written in files and JSON.
constexpr const char* modality_name(Modality modality) {
  switch (modality) {
    case Modality::kImage:
      return "image";
    case Modality::kText:
      return "text";
    case Modality::kBoth:
      return "both";
  }
  return "?";
}

// Names the Hamming space a code lives in. Two codes are comparable only if their spaces are
// equal; mixing is refused (kIncompatible, status 78). Written into every code file.
struct CodeSpace {
  std::string name;         // chosen by --space, e.g. "contrastive"
  std::string method;       // e.g. "cca-itq"
  std::string fingerprint;  // content_hash of the trained weights and of the towers under them
  std::uint32_t bits = 0;   // code length K >= 1
  std::uint32_t generation = 1;

  bool operator==(const CodeSpace&) const = default;
};

}  // namespace warifu
