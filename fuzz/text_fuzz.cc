// Any bytes may come as a text, and as a vocabulary file of either kind.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "text/normalize.h"
#include "text/tokenizer.h"
#include "text/unigram_model.h"

namespace {

using namespace warifu;

void require(bool holds) {
  if (!holds) std::abort();
}

const std::filesystem::path& scratch() {
  static const std::filesystem::path folder = [] {
    std::string name = (std::filesystem::temp_directory_path() / "warifu_text_fuzz_XXXXXX").string();
    require(mkdtemp(name.data()) != nullptr);
    std::atexit([] { std::filesystem::remove_all(scratch()); });
    return std::filesystem::path(name);
  }();
  return folder;
}

const Tokenizer& tiny_tokenizer() {
  static const auto tokenizer = [] {
    require(
        write_file_atomically(scratch() / "tiny.txt", "title\nc a\nca t</w>\n' s</w>\n\u00E5 \u013D\n").has_value());
    return load_clip_tokenizer(scratch() / "tiny.txt");
  }();
  return **tokenizer;
}

void check_text(std::string_view text) {
  const auto normal = normalize_text(text);
  require(normal.has_value() == (first_invalid_utf8(text) == std::string_view::npos));
  if (normal) require(normalize_text(*normal) == *normal);
  for (const std::string& word : split_words(text))
    require(!word.empty() && first_invalid_utf8(word) == std::string_view::npos);
  require(first_invalid_utf8(lower_case(text)) == std::string_view::npos);

  const Tokenizer& tokenizer = tiny_tokenizer();
  const auto ids = tokenizer.encode(text);
  require(ids.size() >= 2 && pad_clip_tokens(ids, 77).size() == 77);
  const auto size = static_cast<std::int32_t>(tokenizer.vocabulary_size());
  require(std::all_of(ids.begin(), ids.end(), [size](std::int32_t id) { return id >= 0 && id < size; }));
}

void check_vocabulary(std::string_view bytes) {
  std::ofstream(scratch() / "vocabulary", std::ios::binary | std::ios::trunc) << bytes;
  const auto tokenizer = load_clip_tokenizer(scratch() / "vocabulary");
  if (!tokenizer) return require(tokenizer.error().code == ErrorCode::kBadFormat);
  for (const std::int32_t id : (*tokenizer)->encode("a cat's abc 図"))
    require(id >= 0 && static_cast<std::size_t>(id) < (*tokenizer)->vocabulary_size());
}

void check_pieces(std::string_view bytes) {
  const auto model = UnigramModel::parse(bytes);
  if (!model)
    return require(model.error().code == ErrorCode::kBadFormat || model.error().code == ErrorCode::kIncompatible);
  for (const std::int32_t id : model->encode("a cat's abc 図"))
    require(id >= 0 && static_cast<std::size_t>(id) < model->size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_text(bytes);
  check_pieces(bytes);
  if (size > 0 && (data[0] == 't' || data[0] == 0x1F)) check_vocabulary(bytes);  // a file each: only likely ones
  return 0;
}
