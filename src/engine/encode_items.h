#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/float_matrix.h"
#include "base/progress.h"
#include "codes/code_matrix.h"
#include "encode/encoder.h"
#include "engine/content_source.h"
#include "engine/workspace.h"
#include "methods/method.h"
#include "segments/code_segment.h"
#include "store/catalog.h"

namespace warifu {

// Some items as an encoder sees them: inputs[i] is of items[positions[i]]. It owns what the inputs point to,
// moves, and is not copied.
struct ItemInputs {
  std::vector<std::size_t> positions;  // ascending; of the items with all that was wanted
  std::vector<EncoderInput> inputs;
  std::vector<std::pair<std::size_t, Error>> failed;  // position and why: content that went away since ingest
  ContentBatch images;
  ContentBatch texts;
  std::vector<std::vector<std::string>> labels;  // of the items, for encoders that read them

  ItemInputs() = default;
  ItemInputs(ItemInputs&&) = default;
  ItemInputs& operator=(ItemInputs&&) = default;
};

struct EncodedItems {
  std::vector<std::size_t> positions;  // as ItemInputs
  std::vector<CodeMatrix> codes;       // one for each of the encoder's spaces; row i is of items[positions[i]]
  std::vector<std::pair<std::size_t, Error>> failed;
};

// Codes of one modality at all lengths.
struct ItemCodes {
  std::vector<CodeSegment> segments;  // one for each of the encoder's spaces, rows ascending
  std::vector<Rejection> failed;      // of a half: items whose content could not be read; codes of both meet them again

  bool made(ItemRow row) const;  // whether an item has codes here
};

struct EmbeddedItems {
  std::vector<std::size_t> positions;  // as ItemInputs
  FloatMatrix rows;                    // row i is of items[positions[i]]
  std::vector<std::pair<std::size_t, Error>> failed;
};

// Encodes items of the workspace by a space's present model. Outputs of frozen towers come from the feature cache,
// which is filled where it lacks them.
//
// One owner, one thread. The workspace must outlive it.
class ItemEncoder {
 public:
  // kNotFound: no such space; errors of load_encoder and ContentSource::open.
  static Result<ItemEncoder> open(const Workspace& workspace, const std::string& space);
  // The same of a model that lies in `directory`, which need not be a space of the workspace yet.
  static Result<ItemEncoder> open_directory(const Workspace& workspace, const std::filesystem::path& directory);

  const SpaceInfo& info() const { return info_; }
  const Encoder& encoder() const { return *encoder_; }

  // Whether the item has what a code of `modality` is made from, in the form the space's towers need: for
  // Modality::kBoth either half, where the encoder bears that the other is missing.
  bool has(const Item& item, Modality modality) const;

  // The content of those of `items` that have() it.
  Result<ItemInputs> inputs(std::span<const Item> items, Modality modality, ProgressSink& progress);

  // Their places in the real-valued common space (Encoder::embed), made in one call; no rows where no item has the
  // content. kInvalidArgument where the space has none.
  Result<EmbeddedItems> embed(std::span<const Item> items, Modality modality, ProgressSink& progress);

  // Their codes, made in one call of the encoder; none where no item has the content.
  Result<EncodedItems> encode(std::span<const Item> items, Modality modality, ProgressSink& progress);

  // The same in calls of 512 items, the progress bar naming `stage`; `items` in ascending order of rows. kUnavailable
  // when a stop is asked for.
  Result<ItemCodes> encode_all(std::span<const Item> items, Modality modality, const std::string& stage,
                               ProgressSink& progress);

 private:
  ItemEncoder(SpaceInfo info, std::unique_ptr<Encoder> encoder, ContentSource images, ContentSource texts)
      : info_(std::move(info)), encoder_(std::move(encoder)), images_(std::move(images)), texts_(std::move(texts)) {}

  bool takes_either(Modality modality) const;
  Result<ContentBatch> load(ContentSource& source, std::span<const Item> items, Modality modality,
                            ProgressSink& progress) const;
  bool wants_image(Modality modality) const;
  bool wants_text(Modality modality) const;

  SpaceInfo info_;
  std::unique_ptr<Encoder> encoder_;
  ContentSource images_;
  ContentSource texts_;
};

}  // namespace warifu
