#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

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

// The inverse; kInvalidArgument otherwise.
inline Result<Modality> parse_modality(std::string_view name) {
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth})
    if (name == modality_name(modality)) return modality;
  return fail(ErrorCode::kInvalidArgument, "no modality is called '" + std::string(name) + "'",
              "use image, text or both");
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
