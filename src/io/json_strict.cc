#include "io/json_strict.h"

#include <set>
#include <string>
#include <vector>

namespace warifu {
namespace {

// nlohmann's messages begin "[json.exception.parse_error.101] parse error at line 1, column 5: …".
std::string plain_message(std::string_view what) {
  const auto bracket = what.find("] ");
  if (bracket != std::string_view::npos) what.remove_prefix(bracket + 2);
  return "is not JSON: " + std::string(what.substr(0, 300));
}

}  // namespace

Result<nlohmann::json> parse_json_strictly(std::string_view text, int max_depth) {
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::set<std::string>> open_objects;
  std::string problem;
  const auto check = [&](int depth, Event event, const nlohmann::json& value) {
    if (!problem.empty()) return false;  // keep nothing more of a refused document
    switch (event) {
      case Event::object_start:
        open_objects.emplace_back();
        [[fallthrough]];
      case Event::array_start:
        if (depth >= max_depth) problem = "is nested more than " + std::to_string(max_depth) + " deep";
        break;
      case Event::object_end:
        open_objects.pop_back();
        break;
      case Event::key:
        if (!open_objects.back().insert(value.get_ref<const std::string&>()).second)
          problem = "the key '" + value.get_ref<const std::string&>().substr(0, 100) + "' occurs twice";
        break;
      case Event::array_end:
      case Event::value:
        break;
    }
    return problem.empty();
  };
  try {
    auto json = nlohmann::json::parse(text.begin(), text.end(), check);
    if (!problem.empty()) return fail(ErrorCode::kBadFormat, std::move(problem));
    return json;
  } catch (const nlohmann::json::exception& error) {
    if (!problem.empty()) return fail(ErrorCode::kBadFormat, std::move(problem));
    return fail(ErrorCode::kBadFormat, plain_message(error.what()));
  }
}

}  // namespace warifu
