#include "text/html_entities.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/utf8.h"

namespace warifu {
namespace {

// U+00A0 … U+00FF in order.
constexpr std::array<std::string_view, 96> kLatin1 = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",   "ordf",
    "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",  "micro",
    "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave",
    "Aacute", "Acirc",  "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",
    "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",
    "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute",
    "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave",
    "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide",
    "oslash", "ugrave", "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};

struct Named {
  std::string_view name;
  char32_t value;
};

// The other names, in ascending byte order.
constexpr std::array kOthers = {
    Named{"AMP", 0x26},      Named{"Alpha", 0x391},   Named{"Beta", 0x392},     Named{"COPY", 0xA9},
    Named{"Chi", 0x3A7},     Named{"Dagger", 0x2021}, Named{"Delta", 0x394},    Named{"Epsilon", 0x395},
    Named{"Eta", 0x397},     Named{"GT", 0x3E},       Named{"Gamma", 0x393},    Named{"Iota", 0x399},
    Named{"Kappa", 0x39A},   Named{"LT", 0x3C},       Named{"Lambda", 0x39B},   Named{"Mu", 0x39C},
    Named{"Nu", 0x39D},      Named{"OElig", 0x152},   Named{"Omega", 0x3A9},    Named{"Omicron", 0x39F},
    Named{"Phi", 0x3A6},     Named{"Pi", 0x3A0},      Named{"Prime", 0x2033},   Named{"Psi", 0x3A8},
    Named{"QUOT", 0x22},     Named{"REG", 0xAE},      Named{"Rho", 0x3A1},      Named{"Scaron", 0x160},
    Named{"Sigma", 0x3A3},   Named{"Tau", 0x3A4},     Named{"Theta", 0x398},    Named{"Upsilon", 0x3A5},
    Named{"Xi", 0x39E},      Named{"Yuml", 0x178},    Named{"Zeta", 0x396},     Named{"alefsym", 0x2135},
    Named{"alpha", 0x3B1},   Named{"amp", 0x26},      Named{"and", 0x2227},     Named{"ang", 0x2220},
    Named{"apos", 0x27},     Named{"asymp", 0x2248},  Named{"bdquo", 0x201E},   Named{"beta", 0x3B2},
    Named{"bull", 0x2022},   Named{"cap", 0x2229},    Named{"chi", 0x3C7},      Named{"circ", 0x2C6},
    Named{"clubs", 0x2663},  Named{"cong", 0x2245},   Named{"crarr", 0x21B5},   Named{"cup", 0x222A},
    Named{"dArr", 0x21D3},   Named{"dagger", 0x2020}, Named{"darr", 0x2193},    Named{"delta", 0x3B4},
    Named{"diams", 0x2666},  Named{"empty", 0x2205},  Named{"emsp", 0x2003},    Named{"ensp", 0x2002},
    Named{"epsilon", 0x3B5}, Named{"equiv", 0x2261},  Named{"eta", 0x3B7},      Named{"euro", 0x20AC},
    Named{"exist", 0x2203},  Named{"fnof", 0x192},    Named{"forall", 0x2200},  Named{"frasl", 0x2044},
    Named{"gamma", 0x3B3},   Named{"ge", 0x2265},     Named{"gt", 0x3E},        Named{"hArr", 0x21D4},
    Named{"harr", 0x2194},   Named{"hearts", 0x2665}, Named{"hellip", 0x2026},  Named{"image", 0x2111},
    Named{"infin", 0x221E},  Named{"int", 0x222B},    Named{"iota", 0x3B9},     Named{"isin", 0x2208},
    Named{"kappa", 0x3BA},   Named{"lArr", 0x21D0},   Named{"lambda", 0x3BB},   Named{"lang", 0x27E8},
    Named{"larr", 0x2190},   Named{"lceil", 0x2308},  Named{"ldquo", 0x201C},   Named{"le", 0x2264},
    Named{"lfloor", 0x230A}, Named{"lowast", 0x2217}, Named{"loz", 0x25CA},     Named{"lrm", 0x200E},
    Named{"lsaquo", 0x2039}, Named{"lsquo", 0x2018},  Named{"lt", 0x3C},        Named{"mdash", 0x2014},
    Named{"minus", 0x2212},  Named{"mu", 0x3BC},      Named{"nabla", 0x2207},   Named{"ndash", 0x2013},
    Named{"ne", 0x2260},     Named{"ni", 0x220B},     Named{"notin", 0x2209},   Named{"nsub", 0x2284},
    Named{"nu", 0x3BD},      Named{"oelig", 0x153},   Named{"oline", 0x203E},   Named{"omega", 0x3C9},
    Named{"omicron", 0x3BF}, Named{"oplus", 0x2295},  Named{"or", 0x2228},      Named{"otimes", 0x2297},
    Named{"part", 0x2202},   Named{"permil", 0x2030}, Named{"perp", 0x22A5},    Named{"phi", 0x3C6},
    Named{"pi", 0x3C0},      Named{"piv", 0x3D6},     Named{"prime", 0x2032},   Named{"prod", 0x220F},
    Named{"prop", 0x221D},   Named{"psi", 0x3C8},     Named{"quot", 0x22},      Named{"rArr", 0x21D2},
    Named{"radic", 0x221A},  Named{"rang", 0x27E9},   Named{"rarr", 0x2192},    Named{"rceil", 0x2309},
    Named{"rdquo", 0x201D},  Named{"real", 0x211C},   Named{"rfloor", 0x230B},  Named{"rho", 0x3C1},
    Named{"rlm", 0x200F},    Named{"rsaquo", 0x203A}, Named{"rsquo", 0x2019},   Named{"sbquo", 0x201A},
    Named{"scaron", 0x161},  Named{"sdot", 0x22C5},   Named{"sigma", 0x3C3},    Named{"sigmaf", 0x3C2},
    Named{"sim", 0x223C},    Named{"spades", 0x2660}, Named{"sub", 0x2282},     Named{"sube", 0x2286},
    Named{"sum", 0x2211},    Named{"sup", 0x2283},    Named{"supe", 0x2287},    Named{"tau", 0x3C4},
    Named{"there4", 0x2234}, Named{"theta", 0x3B8},   Named{"thetasym", 0x3D1}, Named{"thinsp", 0x2009},
    Named{"tilde", 0x2DC},   Named{"trade", 0x2122},  Named{"uArr", 0x21D1},    Named{"uarr", 0x2191},
    Named{"upsih", 0x3D2},   Named{"upsilon", 0x3C5}, Named{"weierp", 0x2118},  Named{"xi", 0x3BE},
    Named{"zeta", 0x3B6},    Named{"zwj", 0x200D},    Named{"zwnj", 0x200C}};
static_assert(std::is_sorted(kOthers.begin(), kOthers.end(),
                             [](const Named& a, const Named& b) { return a.name < b.name; }));

// Names that a browser also takes without a semicolon, besides those of Latin-1.
constexpr std::array<std::string_view, 10> kWithoutSemicolon = {"amp", "AMP",  "lt",   "LT",   "gt",
                                                                "GT",  "quot", "QUOT", "COPY", "REG"};

// What &#128; … &#159; mean: windows-1252, where it has a character.
constexpr std::array<char32_t, 32> kWindows1252 = {0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                   0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                                   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                   0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

constexpr std::size_t kLongestName = 8;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<char32_t> value_of_name(std::string_view name, bool semicolon) {
  if (const auto* at = std::find(kLatin1.begin(), kLatin1.end(), name); at != kLatin1.end())
    return static_cast<char32_t>(0xA0 + (at - kLatin1.begin()));
  if (!semicolon && std::find(kWithoutSemicolon.begin(), kWithoutSemicolon.end(), name) == kWithoutSemicolon.end())
    return std::nullopt;
  const auto* at = std::lower_bound(kOthers.begin(), kOthers.end(), name,
                                    [](const Named& named, std::string_view n) { return named.name < n; });
  if (at == kOthers.end() || at->name != name) return std::nullopt;
  return at->value;
}

void append_number(char32_t number, std::string& out) {
  if (number >= 0x80 && number <= 0x9F) return append_utf8(kWindows1252[number - 0x80], out);
  if (number == 0 || number > 0x10FFFF || (number >= 0xD800 && number <= 0xDFFF)) return append_utf8(0xFFFD, out);
  const bool control =
      (number < 0x20 && number != '\t' && number != '\n' && number != '\f' && number != '\r') || number == 0x7F;
  const bool noncharacter = (number >= 0xFDD0 && number <= 0xFDEF) || (number & 0xFFFE) == 0xFFFE;
  if (!control && !noncharacter) append_utf8(number, out);
}

// `text` begins with "&#". Bytes used, 0 if it is no reference.
std::size_t take_number(std::string_view text, std::string& out) {
  std::size_t at = 2;
  const bool hex = at < text.size() && (text[at] == 'x' || text[at] == 'X');
  if (hex) ++at;
  const std::size_t digits = at;
  char32_t number = 0;
  for (; at < text.size() && (hex ? hex_value(text[at]) >= 0 : is_digit(text[at])); ++at)
    if (number <= 0x10FFFF) number = number * (hex ? 16 : 10) + static_cast<char32_t>(hex_value(text[at]));
  if (at == digits) return 0;
  if (at < text.size() && text[at] == ';') ++at;
  append_number(number, out);
  return at;
}

// `text` begins with "&". The longest name that is known; bytes used, 0 if none is.
std::size_t take_name(std::string_view text, std::string& out) {
  std::size_t end = 1;
  while (end < text.size() && end <= kLongestName && is_alnum(text[end])) ++end;
  if (end < text.size() && text[end] == ';') {
    if (const auto value = value_of_name(text.substr(1, end - 1), true)) {
      append_utf8(*value, out);
      return end + 1;
    }
  }
  for (; end > 2; --end) {
    if (const auto value = value_of_name(text.substr(1, end - 1), false)) {
      append_utf8(*value, out);
      return end;
    }
  }
  return 0;
}

}  // namespace

std::string unescape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('&'), text.size());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    std::size_t used = text.starts_with("&#") ? take_number(text, out) : take_name(text, out);
    if (used == 0) {
      out.push_back('&');
      used = 1;
    }
    text.remove_prefix(used);
  }
  return out;
}

}  // namespace warifu
