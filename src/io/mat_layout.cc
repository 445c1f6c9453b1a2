#include "io/mat_layout.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace warifu {
namespace {

enum class Side { kLabel, kText, kImage, kUnknown };

struct Word {
  std::string_view text;
  Side side;
  bool whole = false;  // must be the whole name
};

// The first row found in a name decides. The short ones are what DCMH and its followers call them.
constexpr std::array kWords = {
    Word{"label", Side::kLabel},   Word{"categor", Side::kLabel}, Word{"class", Side::kLabel},
    Word{"concept", Side::kLabel}, Word{"lall", Side::kLabel},    Word{"l", Side::kLabel, true},
    Word{"gnd", Side::kLabel},     Word{"tag", Side::kText},      Word{"caption", Side::kText},
    Word{"text", Side::kText},     Word{"txt", Side::kText},      Word{"sentence", Side::kText},
    Word{"word", Side::kText},     Word{"bow", Side::kText},      Word{"yall", Side::kText},
    Word{"y", Side::kText, true},  Word{"t", Side::kText, true},  Word{"img", Side::kImage},
    Word{"image", Side::kImage},   Word{"picture", Side::kImage}, Word{"photo", Side::kImage},
    Word{"index", Side::kImage},   Word{"file", Side::kImage},    Word{"name", Side::kImage},
    Word{"path", Side::kImage},    Word{"fall", Side::kImage},    Word{"iall", Side::kImage},
    Word{"xall", Side::kImage},    Word{"i", Side::kImage, true}, Word{"x", Side::kImage, true},
};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return lower;
}

Side side_of(std::string_view name) {
  const std::string lower = lower_case(name);
  for (const Word& word : kWords)
    if (word.whole ? lower == word.text : lower.contains(word.text)) return word.side;
  return Side::kUnknown;
}

Side side_of(const MatVariable& variable) {
  const Side by_name = side_of(variable.name);
  if (by_name != Side::kUnknown) return by_name;
  return side_of(std::string_view(variable.file).substr(0, variable.file.find(".mat")));
}

bool is_text(const MatVariable& variable) {
  return variable.kind == MatKind::kCells || variable.kind == MatKind::kCharacters;
}

using Part = std::optional<MatVariable> MatLayout::*;

Part part_of(const MatVariable& variable) {
  constexpr std::uint64_t kMaxClasses = 1024;
  const bool text = is_text(variable);
  switch (side_of(variable)) {
    case Side::kLabel:
      return &MatLayout::labels;
    case Side::kText:
      return text ? &MatLayout::texts : &MatLayout::text_features;
    case Side::kImage:
      if (variable.is_pixels()) return &MatLayout::pixels;
      return text ? &MatLayout::names : &MatLayout::image_features;
    case Side::kUnknown:
      if (variable.is_pixels()) return &MatLayout::pixels;
      if (text) return &MatLayout::names;
      if (variable.is_small_integer && variable.columns() <= kMaxClasses) return &MatLayout::labels;
  }
  return nullptr;
}

constexpr std::array<Part, 6> kItemParts = {&MatLayout::names,         &MatLayout::pixels, &MatLayout::image_features,
                                            &MatLayout::text_features, &MatLayout::texts,  &MatLayout::labels};

// A text beside the label matrix that is as long as the matrix is wide, and not as long as there
// are items, names the classes.
bool names_classes(const MatVariable& text, const MatVariable& numbers) {
  return is_text(text) && !is_text(numbers) && text.rows() == numbers.columns() && text.rows() != numbers.rows();
}

Result<void> place(MatLayout& layout, Part part, const MatVariable& variable) {
  std::optional<MatVariable>& holder = layout.*part;
  if (!holder) {
    holder = variable;
    return {};
  }
  if (part == &MatLayout::labels && !layout.class_names) {
    if (names_classes(variable, *holder)) return layout.class_names = variable, Result<void>();
    if (names_classes(*holder, variable)) {
      layout.class_names = std::exchange(holder, variable);
      return {};
    }
  }
  return fail(ErrorCode::kBadFormat, holder->described() + " and " + variable.described() + " look like the same part",
              "keep one of them in the folder, or save training and test items apart");
}

std::string list_of(std::span<const MatVariable> variables) {
  std::string list;
  for (const MatVariable& variable : variables) list += (list.empty() ? "" : ", ") + variable.described();
  return list.empty() ? "none" : list;
}

}  // namespace

Result<MatLayout> find_mat_layout(std::span<const MatVariable> variables) {
  MatLayout layout;
  for (const MatVariable& variable : variables) {
    if (variable.kind == MatKind::kOther || variable.rows() == 0) continue;
    const Part part = part_of(variable);
    if (part == nullptr) continue;
    if (auto placed = place(layout, part, variable); !placed) return Fail(placed.error());
  }
  const MatVariable* first = nullptr;
  for (const Part part : kItemParts) {
    const std::optional<MatVariable>& variable = layout.*part;
    if (!variable) continue;
    if (first == nullptr) first = &*variable;
    if (variable->rows() != first->rows())
      return fail(ErrorCode::kBadFormat,
                  first->described() + " has " + std::to_string(first->rows()) + " items, " + variable->described() +
                      " has " + std::to_string(variable->rows()),
                  "rows of all variables must belong to the same items");
  }
  if (first == nullptr)
    return fail(ErrorCode::kBadFormat, "no names, labels, texts or features found; variables: " + list_of(variables),
                "rename the variables to say what they are: image, label, tag, caption");
  layout.items = first->rows();
  return layout;
}

}  // namespace warifu
