#include "engine/contact_sheet.h"

#include <fmt/format.h>
#include <sodium.h>

#include "base/file.h"
#include "base/join.h"
#include "base/parallel.h"
#include "engine/sheet_picture.h"
#include "io/image_file.h"

namespace warifu {
namespace {

constexpr int kThumbnail = 160;
constexpr int kJpegQuality = 80;

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

// An <img> that carries its own bytes, or a note in its place.
std::string picture_html(const std::filesystem::path& path, std::string_view alternative) {
  const auto image =
      decode_image(path, ImageLimits{}, PictureFormat{kThumbnail, ImageFit::kLetterbox, Resampling::kBicubic});
  const auto jpeg =
      image ? encode_jpeg(*image, kJpegQuality) : Result<std::vector<std::byte>>(std::unexpected(image.error()));
  if (!jpeg) return "<div class=none>no picture</div>";
  std::string text(sodium_base64_encoded_len(jpeg->size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(jpeg->data()), jpeg->size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // the terminating zero
  return "<img alt=\"" + escape_html(alternative) + "\" src=\"data:image/jpeg;base64," + text + "\">";
}

std::string hit_html(const FoundItem& found) {
  const std::string labels = join(found.item.labels, [](const Label& label) { return label.value; });
  const std::string text = found.item.text.value_or("");
  return fmt::format("<li>{}<b>{}. distance {}</b><span class=by>by {}</span><p>{}</p><p class=labels>{}</p></li>\n",
                     found.picture.empty() ? "<div class=none>text only</div>" : picture_html(found.picture, text),
                     found.rank, distance_text(found), modality_name(found.modality), escape_html(text),
                     escape_html(labels));
}

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--line:#8884}
body{font:15px/1.45 system-ui,"Noto Sans CJK JP",sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem}
h1{font-size:1.3rem}
section{border-top:1px solid var(--line);padding:1rem 0}
h2{font-size:1.05rem;display:flex;gap:1rem;align-items:center}
ol{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(160px,1fr));gap:1rem;padding:0}
li{min-width:0}
img,.none{width:160px;height:160px;object-fit:contain;border:1px solid var(--line);border-radius:6px;background:#fff;display:block}
.none{display:grid;place-items:center;color:#666}
b{font-weight:600;font-size:.85rem}
.by{float:right;font-size:.85rem;opacity:.7}
p{margin:.2rem 0;font-size:.85rem;overflow:hidden;display:-webkit-box;-webkit-line-clamp:3;-webkit-box-orient:vertical;overflow-wrap:anywhere}
.labels{opacity:.7}
)";

std::string sheet_html(const std::string& title, std::span<const SheetRow> rows) {
  std::vector<std::string> sections(rows.size());
  parallel_for(rows.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const SheetRow& row = rows[i];
      std::string& section = sections[i];
      section = "<section><h2>";
      if (row.picture) section += picture_html(*row.picture, "the query's picture");
      section += row.words.empty() ? "<span>by this picture</span>" : "<span>“" + escape_html(row.words) + "”</span>";
      section += "</h2><ol>\n";
      for (const FoundItem& found : row.hits) section += hit_html(found);
      section += "</ol></section>\n";
    }
  });
  std::string html = fmt::format(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">"
      "<title>{0}</title><style>{1}</style><h1>{0}</h1>\n",
      escape_html(title), kStyle);
  for (const std::string& section : sections) html += section;
  return html + "</html>\n";
}

}  // namespace

Result<void> write_contact_sheet(const std::filesystem::path& path, const std::string& title,
                                 std::span<const SheetRow> rows) {
  if (path.extension() == ".html") return write_file_atomically(path, sheet_html(title, rows));
  if (path.extension() == ".png") {
    const auto picture = draw_sheet(title, rows);
    if (!picture) return std::unexpected(picture.error());
    const auto png = encode_png(*picture);
    if (!png) return std::unexpected(png.error());
    return write_file_atomically(path, *png);
  }
  return fail(ErrorCode::kInvalidArgument, "contact sheet '" + path.string() + "' ends neither in .html nor in .png",
              "for example --sheet hits.html");
}

}  // namespace warifu
