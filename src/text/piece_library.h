#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace warifu {

// A SentencePiece model. Thread safety: reentrant.
class PieceModel {
 public:
  virtual ~PieceModel() = default;
  virtual bool encode(std::string_view text, std::vector<int>& ids) const = 0;  // false: the library refused
  virtual int size() const = 0;
  virtual int pad_id() const = 0;
  virtual int unknown_id() const = 0;
  virtual int end_id() const = 0;
  virtual bool is_control(int id) const = 0;
};

// What the text room uses of SentencePiece, and the only way to it.
//
// Debian's libsentencepiece carries protobuf 3.14 and exports its symbols; libtorch brings libprotobuf 3.21. In one
// program each is bound to pieces of the other, whichever comes first: it dies before main(), or at the first model.
// So libsentencepiece is linked by a module of our own alone (sentencepiece_module.cc), and that is opened such
// that it and what it needs see their own symbols first and nobody else sees them.
class PieceLibrary {
 public:
  virtual ~PieceLibrary() = default;

  // Bytes of a model trained on `sentences`. kInternal with the library's reason.
  virtual Result<std::string> train(const std::unordered_map<std::string, std::string>& settings,
                                    const std::vector<std::string>& sentences) const = 0;

  // kBadFormat with the library's reason.
  virtual Result<std::unique_ptr<PieceModel>> load(std::string_view model) const = 0;
};

// Opens the module on first use; it stays. kInternal if its file is not where the program was built or installed.
// Thread safety: reentrant.
Result<const PieceLibrary*> piece_library();

}  // namespace warifu
