#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/image.h"
#include "codes/code_matrix.h"
#include "codes/code_space.h"
#include "encode/attribution.h"
#include "encode/encoder.h"

namespace warifu {

// Why a query and an item lie as near as they do: which patches and words hold which bits.
// docs/decisions/explanations.md says how it is made and how it is tested.

// What a side of a match is made of.
struct ExplainContent {
  std::optional<std::string> text;  // normalised
  std::optional<Image> picture;     // in the encoder's picture_format()
  double aspect = 1;                // width / height of the picture as people see it
};

// Where the raster of patches lies over the picture as people see it, in shares of its width and height; it reaches
// beyond 0 … 1 where the encoder saw a border that was added, and covers less where it saw a part.
struct PictureFrame {
  double x = 0, y = 0, width = 1, height = 1;
};
PictureFrame frame_of(const PictureFormat& format, double aspect);

struct NamedPatch {
  std::size_t row = 0, column = 0;
  float weight = 0;                 // as in ExplainedSide::patches
  std::vector<std::uint32_t> bits;  // shared ones that move most when the patch is blanked, most first
};

struct ExplainedWord {
  std::size_t begin = 0, end = 0;   // bytes of ExplainedSide::text
  float weight = 0;                 // -1 … 1; above 0 it pulls the codes together
  bool named = false;               // one of those that hold most
  std::vector<std::uint32_t> bits;  // of named ones: shared ones that move most when the word is left out, most first
};

// A phrase of the text and the patch of the picture that goes with it best (Encoder::align), in a raster of its own.
struct AlignedPhrase {
  std::size_t rows = 0, columns = 0;  // of the raster
  std::size_t row = 0, column = 0;
  std::string phrase;
  float cosine = 0;
};

struct ExplainedSide {
  Modality modality = Modality::kText;  // what its code is made from
  PatchWeights patches;                 // weights in -1 … 1, the largest of the side being 1 or -1
  PictureFrame frame;
  std::vector<NamedPatch> named_patches;  // those that hold most, most first
  std::string text;
  std::vector<ExplainedWord> words;
};

struct Explanation {
  std::string space;
  std::uint32_t bits = 0;
  std::string id;  // of the item
  std::uint32_t distance = 0;
  CodeMatrix query_code, item_code;      // one row each
  std::vector<std::uint32_t> differing;  // bits, ascending
  ExplainedSide query, item;
  std::vector<AlignedPhrase> alignments;  // of the words of one side and the picture of the other
};

// Codes that are stored and searched. Those that the present model would make may differ, after an update: what is
// explained is the match of these. Either may be missing: a code is then made of the content.
struct StoredCodes {
  std::optional<CodeMatrix> query;                               // of the item that is the query
  std::function<std::optional<CodeMatrix>(Modality half)> item;  // empty: none
};

// A text of more bytes than this is not explained: each of its words would cost a pass over all of it.
inline constexpr std::size_t kMostExplainedBytes = std::size_t{64} << 10;

// Explains the match of a query and an item's `half` (nothing: the nearer one). Seconds of work: a gradient is carried
// back through the encoder several times.
// kInvalidArgument: a side has not got what its code would be made from, or a text is too long; kIncompatible: codes of
// the space are for measuring only, or made of features that were given. Threads: as Encoder::encode.
Result<Explanation> explain_match(const Encoder& encoder, const CodeSpace& space, const ExplainContent& query,
                                  const ExplainContent& item, std::optional<Modality> half,
                                  const StoredCodes& stored = {});

// A picture in a form that is asked for; empty: there is none.
using PictureAs = std::function<Result<Image>(const PictureFormat& format)>;

// What an encoder that wants its pictures in `format` looks at, and the picture's shape. Errors of `picture`.
Result<ExplainContent> explain_content(std::optional<std::string> text, const PictureAs& picture,
                                       const PictureFormat& format);

// Of an item that is the query: what a search for more like it goes by. Where codes of both are matched that is both of
// its halves, else its picture where it has one.
ExplainContent as_query(ExplainContent item, std::optional<Modality> half);

}  // namespace warifu
