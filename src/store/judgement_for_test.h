#pragma once

#include <string>
#include <utility>

#include "store/feedback_store.h"

namespace warifu {

inline Judgement judged(std::string text, std::string item, std::string who, bool right) {
  Judgement one;
  one.query.text = std::move(text);
  one.item = std::move(item);
  one.who = std::move(who);
  one.right = right;
  return one;
}

}  // namespace warifu
