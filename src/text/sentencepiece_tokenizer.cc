#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <exception>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "text/normalize.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

// Exported by the library but declared only in its private headers; the default level prints to stderr.
namespace sentencepiece::logging {
void SetMinLogLevel(int level);
}

namespace warifu {
namespace {

constexpr int kPadId = 0;
constexpr int kUnknownId = 1;
constexpr int kEndId = 2;
constexpr std::size_t kFixedPieces = 256 + 3;
constexpr std::size_t kMaxModelBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxWordBytes = 1000;  // the trainer skips sentences above 4192 bytes
constexpr char32_t kReserved = 0x2585;       // and those with its own mark

void silence_library() { sentencepiece::logging::SetMinLogLevel(3); }

// ---- training ----

// Texts as the model will meet them; an even sample if there are too many bytes.
Result<std::vector<std::string>> training_texts(std::span<const std::string> texts) {
  std::size_t total = 0;
  for (const std::string& text : texts) total += text.size();
  const std::size_t wanted = std::min(total, kMaxTrainingBytes);
  std::vector<std::string> taken;
  double owed = 1.0;  // texts owed to the sample; the first is always taken
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (owed >= 1.0) {
      owed -= 1.0;
      const auto normal = normalize_text(texts[i]);
      if (!normal) return with_context("text " + std::to_string(i), normal.error());
      if (!normal->empty()) taken.push_back(lower_case(*normal));
    }
    owed += total > 0 ? static_cast<double>(wanted) / static_cast<double>(total) : 0.0;
  }
  return taken;
}

// The `most` most frequent characters; ties in ascending order. The others are spelt in bytes, so
// that a script of thousands of characters leaves room for words.
std::unordered_set<char32_t> frequent_characters(const std::vector<std::string>& texts, std::size_t most) {
  std::map<char32_t, std::size_t> counts;
  for (const std::string& text : texts) {
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Step step = decode_utf8(text, at);
      ++counts[step.value];
      at += step.length;
    }
  }
  counts.erase(U' ');
  counts.erase(kReserved);
  std::vector<std::pair<char32_t, std::size_t>> ranked(counts.begin(), counts.end());
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (ranked.size() > most) ranked.resize(most);
  std::unordered_set<char32_t> kept;
  for (const auto& [character, count] : ranked) kept.insert(character);
  return kept;
}

// Runs of frequent characters, at most kMaxWordBytes long, in the order of the texts.
std::vector<std::string> training_words(const std::vector<std::string>& texts,
                                        const std::unordered_set<char32_t>& frequent) {
  std::vector<std::string> words;
  for (const std::string& text : texts) {
    std::string word;
    const auto finish = [&] {
      if (!word.empty()) words.push_back(std::exchange(word, {}));
    };
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Step step = decode_utf8(text, at);
      if (!frequent.contains(step.value) || word.size() + step.length > kMaxWordBytes) finish();
      if (frequent.contains(step.value)) word.append(text, at, step.length);
      at += step.length;
    }
    finish();
  }
  return words;
}

// The trainer proposes as pieces only strings that go on in two ways, where the end of a sentence is
// one way and the space after a word another: a word that always stands last, or never, is not even
// considered. So words are dealt out in pairs, each kind alternately first and last. (On 9,583 product
// names this made 65 thousand tokens of what took 103 thousand.)
std::vector<std::string> deal_out(const std::vector<std::string>& words) {
  std::unordered_map<std::string_view, std::size_t> seen;
  std::vector<std::string_view> first;
  std::vector<std::string_view> last;
  for (const std::string& word : words) (seen[word]++ % 2 == 0 ? first : last).push_back(word);
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < std::max(first.size(), last.size()); ++i) {
    std::string& sentence = sentences.emplace_back(i < first.size() ? first[i] : std::string_view());
    if (i < last.size()) sentence.append(sentence.empty() ? "" : " ").append(last[i]);
  }
  return sentences;
}

Result<std::vector<std::string>> training_sentences(std::span<const std::string> texts, std::size_t vocabulary) {
  const auto taken = training_texts(texts);
  if (!taken) return std::unexpected(taken.error());
  auto sentences = deal_out(training_words(*taken, frequent_characters(*taken, (vocabulary - kFixedPieces) / 2)));
  if (sentences.empty())
    return fail(ErrorCode::kInvalidArgument, "no text has a character: there is nothing to learn a vocabulary from");
  return sentences;
}

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

std::unordered_map<std::string, std::string> trainer_settings(std::size_t vocabulary) {
  return {
      {"model_type", "unigram"},
      {"vocab_size", std::to_string(vocabulary)},
      {"hard_vocab_limit", "false"},  // fewer pieces where the texts have no more
      {"character_coverage", "1"},    // of the characters that are left
      {"byte_fallback", "true"},
      {"normalization_rule_name", "identity"},  // ours is normalize_text()
      {"pad_id", std::to_string(kPadId)},
      {"unk_id", std::to_string(kUnknownId)},
      {"bos_id", "-1"},
      {"eos_id", std::to_string(kEndId)},
      {"num_threads", "2"},  // sums of floats depend on it: fixed, whatever the machine
      {"minloglevel", "3"},
  };
}

// ---- a model's bytes ----

// Just enough of the protocol-buffer wire format to look for one field.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }

  // The next field; false if the bytes do not follow the format. `payload` is empty for numbers.
  bool next(std::uint64_t& number, std::string_view& payload) {
    std::uint64_t key = 0;
    if (!varint(key)) return false;
    number = key >> 3;
    payload = {};
    std::uint64_t length = 0;
    switch (key & 7) {
      case 0:
        return varint(length);
      case 1:
        return skip(8);
      case 2:
        if (!varint(length) || length > rest_.size()) return false;
        payload = rest_.substr(0, static_cast<std::size_t>(length));
        return skip(payload.size());
      case 5:
        return skip(4);
      default:
        return false;
    }
  }

 private:
  bool skip(std::size_t bytes) {
    if (bytes > rest_.size()) return false;
    rest_.remove_prefix(bytes);
    return true;
  }
  bool varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  std::string_view rest_;
};

// The library follows the offsets of a model's compiled character map (field 2 of the normalisers,
// fields 3 and 5 of the model) without checking them. Ours have none, so one that has is refused.
Result<void> refuse_character_maps(std::string_view model) {
  const auto malformed = [] { return fail(ErrorCode::kBadFormat, "not a SentencePiece model"); };
  WireReader fields(model);
  while (!fields.done()) {
    std::uint64_t field = 0;
    std::string_view payload;
    if (!fields.next(field, payload)) return malformed();
    if (field != 3 && field != 5) continue;
    WireReader inner(payload);
    while (!inner.done()) {
      std::uint64_t inner_field = 0;
      std::string_view inner_payload;
      if (!inner.next(inner_field, inner_payload)) return malformed();
      if (inner_field == 2 && !inner_payload.empty())
        return fail(ErrorCode::kIncompatible, "the model holds its own text normaliser",
                    "use a model that 'warifu train' made");
    }
  }
  return {};
}

class SentencePieceTokenizer final : public Tokenizer {
 public:
  static Result<std::unique_ptr<Tokenizer>> make(std::string_view model) {
    auto made = std::unique_ptr<SentencePieceTokenizer>(new SentencePieceTokenizer());
    const auto status = made->processor_.LoadFromSerializedProto(model);
    if (!status.ok()) return fail(ErrorCode::kBadFormat, "not a usable SentencePiece model: " + status.ToString());
    const auto& p = made->processor_;
    const bool ours = p.GetPieceSize() > static_cast<int>(kFixedPieces) && p.pad_id() == kPadId &&
                      p.unk_id() == kUnknownId && p.eos_id() == kEndId && p.IsControl(kPadId);
    if (!ours)
      return fail(ErrorCode::kIncompatible, "the model's first ids are not padding, unknown and end",
                  "use a model that 'warifu train' made");
    made->fingerprint_ = "sentencepiece-nfkc-lower-1:" + content_hash(model);
    return made;
  }

  std::vector<std::int32_t> encode(std::string_view text) const override {
    std::vector<int> ids;
    const std::string whole = repair_utf8(utf8_prefix(text, kMaxTextBytes));
    const auto normal = normalize_text(whole);  // U+FFFD is longer than a byte, so `whole` may be over the limit
    const std::string lower = lower_case(normal ? *normal : whole);
    if (!processor_.Encode(lower, &ids).ok()) ids.clear();
    std::erase(ids, kPadId);
    ids.push_back(kEndId);
    return ids;
  }

  std::size_t vocabulary_size() const override { return static_cast<std::size_t>(processor_.GetPieceSize()); }
  std::string fingerprint() const override { return fingerprint_; }

 private:
  SentencePieceTokenizer() = default;
  sentencepiece::SentencePieceProcessor processor_;
  std::string fingerprint_;
};

}  // namespace

Result<void> train_sentencepiece(std::span<const std::string> texts, std::size_t vocabulary,
                                 const std::filesystem::path& model) {
  constexpr std::size_t kMaxPieces = 1000000;
  if (vocabulary < kMinPieces || vocabulary > kMaxPieces)
    return fail(ErrorCode::kInvalidArgument, "vocabulary of " + std::to_string(vocabulary) + " pieces, expected " +
                                                 std::to_string(kMinPieces) + " to " + std::to_string(kMaxPieces));
  const auto sentences = training_sentences(texts, vocabulary);
  if (!sentences) return std::unexpected(sentences.error());
  try {
    silence_library();
    SentenceList list(*sentences);
    std::string bytes;
    const auto status = sentencepiece::SentencePieceTrainer::Train(trainer_settings(vocabulary), &list, &bytes);
    if (!status.ok()) return fail(ErrorCode::kInternal, "SentencePiece training: " + status.ToString());
    return write_file_atomically(model, bytes);
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInternal, std::string("SentencePiece training: ") + e.what());
  }
}

Result<std::unique_ptr<Tokenizer>> load_sentencepiece(const std::filesystem::path& model) {
  const auto bytes = read_text_file(model, kMaxModelBytes);
  if (!bytes) return std::unexpected(bytes.error());
  try {
    silence_library();
    if (const auto safe = refuse_character_maps(*bytes); !safe) return with_context(model.string(), safe.error());
    auto tokenizer = SentencePieceTokenizer::make(*bytes);
    if (!tokenizer) return with_context(model.string(), tokenizer.error());
    return tokenizer;
  } catch (const std::exception& e) {
    return fail(ErrorCode::kBadFormat, model.string() + ": " + e.what());
  }
}

}  // namespace warifu
