// libwarifu_sentencepiece.so: the only file that sees SentencePiece (see piece_library.h for why).

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <exception>

#include "text/piece_library.h"

// Exported by the library but declared only in its private headers; the default level prints to stderr.
namespace sentencepiece::logging {
void SetMinLogLevel(int level);
}

namespace warifu {
namespace {

class SentenceList final : public sentencepiece::SentenceIterator {
 public:
  explicit SentenceList(const std::vector<std::string>& sentences) : sentences_(sentences) {}
  bool done() const override { return at_ == sentences_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return sentences_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& sentences_;
  std::size_t at_ = 0;
};

class SentencePieceModel final : public PieceModel {
 public:
  sentencepiece::SentencePieceProcessor& processor() { return processor_; }
  bool encode(std::string_view text, std::vector<int>& ids) const override {
    return processor_.Encode(text, &ids).ok();
  }
  int size() const override { return processor_.GetPieceSize(); }
  int pad_id() const override { return processor_.pad_id(); }
  int unknown_id() const override { return processor_.unk_id(); }
  int end_id() const override { return processor_.eos_id(); }
  bool is_control(int id) const override { return processor_.IsControl(id); }

 private:
  sentencepiece::SentencePieceProcessor processor_;
};

class SentencePieceLibrary final : public PieceLibrary {
 public:
  Result<std::string> train(const std::unordered_map<std::string, std::string>& settings,
                            const std::vector<std::string>& sentences) const override {
    try {
      SentenceList list(sentences);
      std::string model;
      const auto status = sentencepiece::SentencePieceTrainer::Train(settings, &list, &model);
      if (!status.ok()) return fail(ErrorCode::kInternal, status.ToString());
      return model;
    } catch (const std::exception& e) {
      return fail(ErrorCode::kInternal, e.what());
    }
  }

  Result<std::unique_ptr<PieceModel>> load(std::string_view model) const override {
    try {
      auto made = std::make_unique<SentencePieceModel>();
      const auto status = made->processor().LoadFromSerializedProto(model);
      if (!status.ok()) return fail(ErrorCode::kBadFormat, status.ToString());
      return made;
    } catch (const std::exception& e) {
      return fail(ErrorCode::kBadFormat, e.what());
    }
  }
};

}  // namespace
}  // namespace warifu

extern "C" const warifu::PieceLibrary* warifu_piece_library() {
  static const warifu::SentencePieceLibrary library;
  sentencepiece::logging::SetMinLogLevel(3);
  return &library;
}
