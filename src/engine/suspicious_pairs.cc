#include "engine/suspicious_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <string>
#include <string_view>

#include "base/file.h"
#include "io/csv_field.h"
#include "io/utf8.h"

namespace warifu {
namespace {

// Ids and texts come from anywhere; a spreadsheet must not run them.
std::string inert_field(std::string_view text) {
  const bool formula = !text.empty() && std::string_view("=+-@\t").find(text.front()) != std::string_view::npos;
  return csv_field(formula ? "'" + std::string(text) : std::string(text));
}

}  // namespace

Result<std::vector<std::size_t>> write_suspicious_pairs(const std::filesystem::path& path, std::span<const Item> items,
                                                        std::span<const float> clean_probability) {
  assert(items.size() == clean_probability.size() && "one probability an item");
  std::vector<std::size_t> suspicious;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (clean_probability[i] < 0.5F) suspicious.push_back(i);
  std::ranges::stable_sort(suspicious, {}, [&](std::size_t i) { return clean_probability[i]; });
  std::string table(kUtf8Bom);
  table += "id,clean_probability,image,text\r\n";
  for (const std::size_t i : suspicious)
    table += fmt::format("{},{:.4g},{},{}\r\n", inert_field(items[i].id), clean_probability[i],
                         csv_field(items[i].image_uri), inert_field(items[i].text.value_or("")));
  if (auto written = write_file_atomically(path, std::string_view(table)); !written)
    return std::unexpected(written.error());
  return suspicious;
}

}  // namespace warifu
