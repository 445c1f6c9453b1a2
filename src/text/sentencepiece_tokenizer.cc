#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "text/normalize.h"
#include "text/sentencepiece_ids.h"
#include "text/tokenizer.h"
#include "text/unigram_model.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxModelBytes = std::size_t{64} << 20;

class SentencePieceTokenizer final : public Tokenizer {
 public:
  SentencePieceTokenizer(UnigramModel model, std::string_view bytes)
      : model_(std::move(model)), fingerprint_("sentencepiece-nfkc-lower-1:" + content_hash(bytes)) {}

  std::vector<std::int32_t> encode(std::string_view text) const override {
    const std::string whole = repair_utf8(utf8_prefix(text, kMaxTextBytes));
    const auto normal = normalize_text(whole);  // U+FFFD is longer than a byte, so `whole` may be over the limit
    auto ids = model_.encode(lower_case(normal ? *normal : whole));
    ids.push_back(kEndId);
    return ids;
  }

  std::size_t vocabulary_size() const override { return model_.size(); }
  std::string fingerprint() const override { return fingerprint_; }

 private:
  UnigramModel model_;
  std::string fingerprint_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_sentencepiece(const std::filesystem::path& model) {
  const auto bytes = read_text_file(model, kMaxModelBytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto parsed = UnigramModel::parse(*bytes);
  if (!parsed) return with_context(model.string(), parsed.error());
  return std::make_unique<SentencePieceTokenizer>(std::move(*parsed), *bytes);
}

}  // namespace warifu
