#include "io/npy_header.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace warifu {
namespace {

constexpr std::size_t kMaxDimensions = 64;

// The few Python literals that occur in an NPY header.
class Literals {
 public:
  explicit Literals(std::string_view text) : text_(text) {}

  bool take(char wanted) {
    skip_space();
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool next_is(char wanted) {
    skip_space();
    return !text_.empty() && text_.front() == wanted;
  }

  bool at_end() {
    skip_space();
    return text_.empty();
  }

  Result<std::string> string() {
    skip_space();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"')) return wrong("a quoted name");
    const auto end = text_.find(text_.front(), 1);
    if (end == std::string_view::npos) return wrong("a closing quote");
    std::string value(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return value;
  }

  Result<bool> boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}}) {
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      return value;
    }
    return wrong("True or False");
  }

  Result<std::vector<std::size_t>> tuple() {
    std::vector<std::size_t> values;
    if (!take('(')) return wrong("'('");
    while (!take(')')) {
      skip_space();
      std::size_t value = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
      if (error != std::errc()) return wrong("a size that fits 64 bits");
      if (values.size() == kMaxDimensions) return wrong("at most 64 dimensions");
      values.push_back(value);
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      if (!text_.empty() && text_.front() == 'L') text_.remove_prefix(1);  // written by Python 2
      if (!take(',') && !next_is(')')) return wrong("',' or ')'");
    }
    return values;
  }

  Fail wrong(std::string_view expected) {
    skip_space();
    std::string found(text_.substr(0, 20));
    for (char& c : found)
      if (c < ' ' || c > '~') c = '?';
    return fail(ErrorCode::kBadFormat, "the NPY header has '" + found + "' where " + std::string(expected) + " belongs",
                "write the array again with numpy.save");
  }

 private:
  void skip_space() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n' || text_.front() == '\t'))
      text_.remove_prefix(1);
  }

  std::string_view text_;
};

Fail refused_type(const std::string& descr) {
  std::string shown = descr.substr(0, 20);
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  return fail(ErrorCode::kBadFormat, "elements of type '" + shown + "' are not numbers that can be read",
              "save the array as float32: numpy.save(name, array.astype('float32'))");
}

// "<f4" → dtype "f4", little-endian.
Result<void> set_type(const std::string& descr, NpyHeader& header) {
  constexpr std::string_view kOrders = "<>|=";
  const std::size_t prefix = !descr.empty() && kOrders.contains(descr.front()) ? 1 : 0;
  constexpr std::array<std::string_view, 12> kTypes = {"b1", "u1", "u2", "u4", "u8", "i1",
                                                       "i2", "i4", "i8", "f2", "f4", "f8"};
  for (const std::string_view type : kTypes) {
    if (std::string_view(descr).substr(prefix) != type) continue;
    header.dtype = std::string(type);
    header.big_endian = descr.front() == '>';
    return {};
  }
  return refused_type(descr);
}

}  // namespace

Result<NpyHeader> parse_npy_dictionary(std::string_view dictionary) {
  NpyHeader header;
  bool has_descr = false;
  bool has_order = false;
  bool has_shape = false;
  Literals literals(dictionary);
  if (!literals.take('{')) return literals.wrong("'{'");
  while (!literals.take('}')) {
    const auto key = literals.string();
    if (!key) return std::unexpected(key.error());
    if (!literals.take(':')) return literals.wrong("':'");
    if (*key == "descr" && !std::exchange(has_descr, true)) {
      if (literals.next_is('[')) return refused_type("record");
      const auto descr = literals.string();
      if (!descr) return std::unexpected(descr.error());
      if (auto set = set_type(*descr, header); !set) return std::unexpected(set.error());
    } else if (*key == "fortran_order" && !std::exchange(has_order, true)) {
      const auto order = literals.boolean();
      if (!order) return std::unexpected(order.error());
      header.fortran_order = *order;
    } else if (*key == "shape" && !std::exchange(has_shape, true)) {
      auto shape = literals.tuple();
      if (!shape) return std::unexpected(shape.error());
      header.shape = std::move(*shape);
    } else {
      return literals.wrong("one each of descr, fortran_order and shape");
    }
    if (!literals.take(',') && !literals.next_is('}')) return literals.wrong("',' or '}'");
  }
  if (!literals.at_end()) return literals.wrong("nothing more");
  if (!has_descr || !has_order || !has_shape) return literals.wrong("one each of descr, fortran_order and shape");
  return header;
}

std::string npy_preamble(std::string_view descr, std::size_t rows, std::size_t cols) {
  std::string dictionary = "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (" +
                           std::to_string(rows) + ", " + std::to_string(cols) + "), }";
  constexpr std::size_t kBeforeDictionary = 10;
  dictionary.append(63 - (kBeforeDictionary + dictionary.size()) % 64, ' ');
  dictionary += '\n';
  std::string preamble("\x93NUMPY\x01\x00", 8);
  preamble += static_cast<char>(dictionary.size() & 0xFF);
  preamble += static_cast<char>(dictionary.size() >> 8);
  return preamble + dictionary;
}

}  // namespace warifu
