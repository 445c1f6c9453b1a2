#include "cli/query_list.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "io/utf8.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

Result<void> read_object(const std::string& line, const std::filesystem::path& folder, NamedQuery& query) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object())
    return fail(ErrorCode::kBadFormat, "not a JSON object", R"(for example {"id":"q1","text":"red shirt"})");
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return fail(ErrorCode::kBadFormat, "the value of '" + key + "' is not a string");
    const std::string text = value.get<std::string>();
    if (key == "id") {
      query.id = text;
    } else if (key == "text") {
      query.request.text = text;
    } else if (key == "image") {
      query.request.image = folder / text;
    } else if (key == "like") {
      query.request.like = text;
    } else if (key == "find") {
      const auto find = parse_find(text);
      if (!find) return std::unexpected(find.error());
      query.request.find = *find;
    } else {
      return fail(ErrorCode::kBadFormat, "unknown key '" + key + "'", "keys are id, text, image, like, find");
    }
  }
  return {};
}

}  // namespace

Result<std::vector<NamedQuery>> read_queries(const std::filesystem::path& path, const FindRequest& defaults) {
  const auto text = read_text_file(path, kMaxBytes);
  if (!text) return std::unexpected(text.error());
  std::vector<NamedQuery> queries;
  std::istringstream lines(*text);
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    if (number == 1 && line.starts_with(kUtf8Bom)) line.erase(0, kUtf8Bom.size());
    NamedQuery query{std::to_string(number), defaults};
    if (line.find_first_not_of(" \t") == line.find('{')) {
      if (auto read = read_object(line, path.parent_path(), query); !read)
        return with_context(path.string() + ":" + std::to_string(number), read.error());
    } else {
      query.request.text = line;
    }
    queries.push_back(std::move(query));
  }
  if (queries.empty()) return fail(ErrorCode::kBadFormat, path.string() + ": no queries", "write one query a line");
  return queries;
}

}  // namespace warifu
