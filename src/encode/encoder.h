#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/float_matrix.h"
#include "base/image.h"
#include "codes/code_matrix.h"
#include "codes/code_space.h"
#include "encode/attribution.h"

namespace warifu {

// One item (or query) as an encoder sees it. Only the fields of the wanted modality are read: that
// is what makes codes strict. A feature is the output of the space's frozen tower (or a feature
// the user gave at ingest) and is used instead of the picture or text where present.
struct EncoderInput {
  const Image* picture = nullptr;
  std::span<const float> image_features;
  std::optional<std::string_view> text;
  std::span<const float> text_features;
  std::span<const std::string> labels;  // "column=value"; read only by encoders with a caveat
};

// The two things that make codes not strict, in the words that every result of them carries.
inline constexpr std::string_view kPairedInput = "paired input";  // both halves, and other inputs of the call
inline constexpr std::string_view kLabelsInQuery = "labels in the query";

// What indexing and search know of a trained model: content in, codes out. It never shows a tensor.
//
// Strict: the code of an input depends on the wanted modality of that input alone, not on batch size,
// order or neighbours, unless caveat() says otherwise. Immutable after loading; encode() may be called from one thread
// at a time.
class Encoder {
 public:
  virtual ~Encoder() = default;

  // One space for each trained code length, ascending in bits; all with the same fingerprint.
  virtual std::span<const CodeSpace> spaces() const = 0;

  // Whether new content of this modality can be encoded from the raw picture or text. False when
  // the space was trained on features that were given at ingest: then only features work.
  virtual bool encodes_raw(Modality modality) const = 0;

  // The form in which pictures are wanted; others are accepted and brought to it.
  virtual PictureFormat picture_format() const = 0;

  // What a code is made from besides the wanted modality of its own input: kPairedInput (which wants both
  // halves of every input), kLabelsInQuery (which wants labels) or nothing. With either an encoder is for
  // measuring, not for search.
  virtual std::string_view caveat() const { return {}; }

  // Whether a code of Modality::kBoth may be made of an input that has one half only. Such an encoder gives every
  // item one code, whatever it has.
  virtual bool bears_missing_half() const { return false; }

  // Codes of all inputs, one matrix for each of spaces() in that order; row i belongs to inputs[i].
  // kInvalidArgument if an input lacks the wanted modality (the message names its position) or has
  // features of another width; kIncompatible if raw content is given but encodes_raw is false.
  virtual Result<std::vector<CodeMatrix>> encode(std::span<const EncoderInput> inputs, Modality modality) const = 0;

  // Width of the real-valued common space; 0 where the method keeps none.
  virtual std::size_t embedding_width() const { return 0; }

  // [inputs, embedding_width()]: rows of length 1, compared by cosine across modalities; as strict as encode(). Errors
  // of encode(); kInvalidArgument where embedding_width() is 0.
  virtual Result<FloatMatrix> embed(std::span<const EncoderInput> /*inputs*/, Modality /*modality*/) const {
    return fail(ErrorCode::kInvalidArgument, "the method of this space keeps no real-valued embedding",
                "measure its codes, or train with a method that has one: ccl");
  }

  // What the signs of spaces()[length] are taken of: [inputs, bits], as strict as encode(). Errors of encode();
  // kInvalidArgument where the encoder tells nothing but codes.
  virtual Result<FloatMatrix> values(std::span<const EncoderInput> /*inputs*/, Modality /*modality*/,
                                     std::size_t /*length*/) const {
    return fail(ErrorCode::kInvalidArgument, "this encoder tells nothing but codes");
  }

  // What the parts of the wanted half, or of both, add to the likeness of this input and a code:
  // sum over bits of `towards` * tanh(value / the mean size of this input's values), towards being +1 or -1, [bits of
  // spaces()[length]]. From the gradients of the model (docs/decisions/explanations.md). Raw content only: features
  // beside it are not looked at. Errors of encode(), and kIncompatible where encodes_raw(modality) is false;
  // kInvalidArgument where the encoder has no gradients.
  virtual Result<Attribution> attribute(const EncoderInput& /*input*/, Modality /*modality*/, std::size_t /*length*/,
                                        std::span<const float> /*towards*/) const {
    return fail(ErrorCode::kInvalidArgument, "this encoder has no gradients to explain its codes by");
  }

  // How much each part of a picture goes with each part of a text, [parts of the picture, parts of the text], cosines;
  // 0 where a part is not there. Reads both halves of the input. Errors of encode(); kInvalidArgument where the space
  // was trained without parts of both, or the method knows none.
  virtual Result<FloatMatrix> align(const EncoderInput& /*input*/) const {
    return fail(ErrorCode::kInvalidArgument, "the method of this space aligns no parts of pictures and texts",
                "train with a method that does: ccl");
  }
};

}  // namespace warifu
