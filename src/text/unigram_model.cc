#include "text/unigram_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "base/utf8.h"
#include "text/sentencepiece_ids.h"

namespace warifu {
namespace {

constexpr float kUnknownPenalty = 10.0F;             // as the library's
constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581, which stands for a space

// Kinds of pieces in the file.
enum PieceType : std::uint64_t { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };

// Just enough of the protocol-buffer wire format to read a model.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }

  // The next field; false if the bytes do not follow the format. A number is in `value`; the bytes of
  // a string, message or 32-bit float are in `payload`.
  bool next(std::uint64_t& number, std::string_view& payload, std::uint64_t& value) {
    std::uint64_t key = 0;
    if (!varint(key)) return false;
    number = key >> 3;
    payload = {};
    std::uint64_t length = 0;
    switch (key & 7) {
      case 0:
        return varint(value);
      case 1:
        return skip(8);
      case 2:
        if (!varint(length) || length > rest_.size()) return false;
        payload = rest_.substr(0, static_cast<std::size_t>(length));
        return skip(payload.size());
      case 5:
        payload = rest_.substr(0, 4);
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

struct FilePiece {
  std::string text;
  float score = 0;
  std::uint64_t type = kNormal;
};

bool read_piece(std::string_view message, FilePiece& piece) {
  WireReader fields(message);
  while (!fields.done()) {
    std::uint64_t field = 0;
    std::uint64_t value = 0;
    std::string_view payload;
    if (!fields.next(field, payload, value)) return false;
    if (field == 1) piece.text = payload;
    if (field == 2) {
      if (payload.size() != sizeof(float)) return false;
      std::uint32_t bits = 0;
      for (std::size_t i = 0; i < 4; ++i)
        bits |= static_cast<std::uint32_t>(static_cast<unsigned char>(payload[i])) << (8 * i);
      piece.score = std::bit_cast<float>(bits);
    }
    if (field == 3) piece.type = value;
  }
  return std::isfinite(piece.score);
}

// Whether a normaliser message holds a compiled character map (its field 2).
bool has_character_map(std::string_view message, bool& malformed) {
  WireReader fields(message);
  while (!fields.done()) {
    std::uint64_t field = 0;
    std::uint64_t value = 0;
    std::string_view payload;
    malformed = !fields.next(field, payload, value);
    if (malformed) return false;
    if (field == 2 && !payload.empty()) return true;
  }
  return false;
}

std::string byte_piece(unsigned byte) {
  char text[8];
  std::snprintf(text, sizeof text, "<0x%02X>", byte & 0xFFU);
  return text;
}

}  // namespace

Result<UnigramModel> UnigramModel::parse(std::string_view bytes) {
  const auto malformed = [] { return fail(ErrorCode::kBadFormat, "not a SentencePiece model"); };
  UnigramModel model;
  std::unordered_map<std::string, std::int32_t> byte_ids;
  std::vector<std::uint64_t> types;
  float lowest = std::numeric_limits<float>::max();
  WireReader fields(bytes);
  while (!fields.done()) {
    std::uint64_t field = 0;
    std::uint64_t value = 0;
    std::string_view payload;
    if (!fields.next(field, payload, value)) return malformed();
    if (field == 3 || field == 5) {
      bool broken = false;
      if (has_character_map(payload, broken))
        return fail(ErrorCode::kIncompatible, "the model holds its own text normaliser",
                    "use a model that 'warifu train' made");
      if (broken) return malformed();
    }
    if (field != 1) continue;
    FilePiece piece;
    if (!read_piece(payload, piece) || piece.text.empty()) return malformed();
    const auto id = static_cast<std::int32_t>(types.size());
    types.push_back(piece.type);
    if (piece.type == kByte) byte_ids.emplace(piece.text, id);
    if (piece.type != kNormal) continue;
    lowest = std::min(lowest, piece.score);
    model.longest_ = std::max(model.longest_, piece.text.size());
    if (!model.by_text_.emplace(std::move(piece.text), Piece{id, piece.score}).second) return malformed();
  }
  const bool ours = types.size() > kFixedPieces && types[kPadId] == kControl && types[kUnknownId] == kUnknown &&
                    types[kEndId] == kControl && byte_ids.size() == 256;
  if (!ours)
    return fail(types.empty() ? ErrorCode::kBadFormat : ErrorCode::kIncompatible,
                "the model's first ids are not padding, unknown and end, or it cannot spell bytes",
                "use a model that 'warifu train' made");
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto found = byte_ids.find(byte_piece(byte));
    if (found == byte_ids.end()) return malformed();
    model.byte_ids_.push_back(found->second);
  }
  model.pieces_ = types.size();
  model.unknown_score_ = lowest - kUnknownPenalty;
  return model;
}

std::vector<std::int32_t> UnigramModel::encode(std::string_view text) const {
  if (text.empty()) return {};
  std::string marked(kSpace);
  for (const char c : text) c == ' ' ? marked += kSpace : marked += c;

  // best[e]: how the best cut of the first e bytes ends.
  struct Step {
    std::int32_t id = -1;
    float score = 0;
    std::size_t begin = 0;
    bool reached = false;
  };
  std::vector<Step> best(marked.size() + 1);
  best[0].reached = true;
  const auto offer = [&](std::size_t begin, std::size_t end, std::int32_t id, float score) {
    const float total = best[begin].score + score;
    if (!best[end].reached || total > best[end].score) best[end] = {id, total, begin, true};
  };
  for (std::size_t begin = 0; begin < marked.size();) {
    const std::size_t character = decode_utf8(marked, begin).length;
    bool covered = false;
    for (std::size_t end = begin + character; end - begin <= longest_;) {
      const auto found = by_text_.find(std::string_view(marked).substr(begin, end - begin));
      if (found != by_text_.end()) {
        offer(begin, end, found->second.id, found->second.score);
        covered |= end == begin + character;
      }
      if (end == marked.size()) break;
      end += decode_utf8(marked, end).length;
    }
    if (!covered) offer(begin, begin + character, kUnknownId, unknown_score_);
    begin += character;
  }

  std::vector<std::int32_t> ids;
  for (std::size_t end = marked.size(); end > 0; end = best[end].begin) {
    if (best[end].id != kUnknownId) {
      ids.push_back(best[end].id);
      continue;
    }
    for (std::size_t at = end; at > best[end].begin; --at)
      ids.push_back(byte_ids_[static_cast<unsigned char>(marked[at - 1])]);
  }
  std::ranges::reverse(ids);
  return ids;
}

}  // namespace warifu
