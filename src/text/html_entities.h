#pragma once

#include <string>
#include <string_view>

namespace warifu {

// Character references to characters: &amp; &#8212; &#x2014; … as a browser (and Python's
// html.unescape) reads them: 1252 code points for &#128; … &#159;, U+FFFD for what cannot be a
// character, nothing for noncharacters and controls, the old names (&eacute, &amp) also without
// their semicolon. Names are those of HTML 4 and &apos;; a rarer HTML 5 name stays as it is written.
std::string unescape_html(std::string_view text);

}  // namespace warifu
