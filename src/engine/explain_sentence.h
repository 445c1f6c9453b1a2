#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "engine/explain.h"

namespace warifu {

enum class Language { kEnglish, kJapanese };

// "en", "ja"; kInvalidArgument otherwise.
Result<Language> parse_language(std::string_view name);

// An explanation in one sentence: how many bits agree, what holds them, what speaks against it.
std::string explain_sentence(const Explanation& explanation, Language language);

}  // namespace warifu
