// warifu-sentencepiece SENTENCES VOCABULARY MODEL
//
// Trains a SentencePiece unigram model from a file of sentences, one a line, and writes it (atomic). Called by
// train_sentencepiece(); a program of its own because of protobuf (docs/decisions/sentencepiece.md).
#include <sentencepiece_trainer.h>

#include <cstdio>
#include <exception>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "text/sentencepiece_ids.h"

namespace {

constexpr std::size_t kMaxInputBytes = std::size_t{1} << 30;

class SentenceList final : public sentencepiece::SentenceIterator {
 public:
  explicit SentenceList(std::vector<std::string> sentences) : sentences_(std::move(sentences)) {}
  bool done() const override { return at_ == sentences_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return sentences_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> sentences_;
  std::size_t at_ = 0;
};

std::unordered_map<std::string, std::string> settings(const std::string& vocabulary) {
  return {
      {"model_type", "unigram"},
      {"vocab_size", vocabulary},
      {"hard_vocab_limit", "false"},  // fewer pieces where the texts have no more
      {"character_coverage", "1"},    // of the characters that are left
      {"byte_fallback", "true"},
      {"normalization_rule_name", "identity"},  // the caller has normalised
      {"pad_id", std::to_string(warifu::kPadId)},
      {"unk_id", std::to_string(warifu::kUnknownId)},
      {"bos_id", "-1"},
      {"eos_id", std::to_string(warifu::kEndId)},
      {"num_threads", "2"},  // sums of floats depend on it: fixed, whatever the machine
      {"minloglevel", "3"},
  };
}

int train(const char* input, const char* vocabulary, const char* model) {
  const auto text = warifu::read_text_file(input, kMaxInputBytes);
  if (!text) return std::fprintf(stderr, "%s", text.error().message.c_str()), 1;
  std::vector<std::string> sentences;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) sentences.push_back(line);
  SentenceList list(std::move(sentences));
  std::string bytes;
  const auto status = sentencepiece::SentencePieceTrainer::Train(settings(vocabulary), &list, &bytes);
  if (!status.ok()) return std::fprintf(stderr, "%s", status.ToString().c_str()), 1;
  const auto written = warifu::write_file_atomically(model, bytes);
  if (!written) return std::fprintf(stderr, "%s", written.error().message.c_str()), 1;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: warifu-sentencepiece SENTENCES VOCABULARY MODEL\n"), 2;
  try {
    return train(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "%s", error.what()), 1;
  }
}
