#include "engine/evaluations.h"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/file.h"
#include "base/hash.h"
#include "methods/method.h"
#include "security/access_store.h"

namespace warifu {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFolder = "evaluations";            // of a space
constexpr std::size_t kMaxBytes = std::size_t{16} << 20;  // of one file
constexpr const char* kFingerprint = "fingerprint";       // of the model that was measured; not shown
constexpr const char* kGeneration = "generation";         // of it, which the fingerprint does not tell; not shown

Json by_cutoff(const std::map<std::size_t, double>& values) {
  Json object = Json::object();
  for (const auto& [k, value] : values) object[std::to_string(k)] = value;
  return object;
}

Json result_json(const DirectionResult& result) {
  const Metrics& metrics = result.metrics;
  Json json = {{"direction", result.direction},
               {"bits", result.bits},
               {"map", metrics.map},
               {"map_low", metrics.map_low},
               {"map_high", metrics.map_high},
               {"ci95", {metrics.ci95_low, metrics.ci95_high}},
               {"precision_at", by_cutoff(metrics.precision_at)},
               {"recall_at", by_cutoff(metrics.recall_at)},
               {"ndcg_at", by_cutoff(metrics.ndcg_at)},
               {"queries", metrics.queries},
               {"queries_without_relevant", metrics.queries_without_relevant}};
  if (result.real_width > 0) {
    json["real"] = true;
    json["width"] = result.real_width;
    return json;
  }
  Json curve = Json::array();
  for (std::size_t radius = 0; radius < metrics.within_radius.size(); ++radius)
    curve.push_back({{"radius", radius},
                     {"precision", metrics.within_radius[radius].precision},
                     {"recall", metrics.within_radius[radius].recall}});
  json["curve"] = std::move(curve);
  return json;
}

// Whether it measures what is served, so that the last of them says how good that is.
bool is_of_what_is_served(const EvaluateRequest& request) {
  const EvaluateRequest usual;
  return request.bits.empty() && !request.missing && !request.real && request.query_split == usual.query_split &&
         request.database_split == usual.database_split;
}

}  // namespace

Json evaluation_json(const EvaluateReport& report) {
  Json results = Json::array();
  for (const DirectionResult& result : report.results) results.push_back(result_json(result));
  Json json = {{"space", report.space},
               {"method", report.method},
               {"relevance", report.relevance},
               {"database", report.database},
               {"ties", "expected"},
               {"query_items", report.query_items},
               {"database_items", report.database_items},
               {"train_in_database", report.train_in_database > 0},
               {"results", std::move(results)}};
  if (!report.caveat.empty()) json["caveat"] = report.caveat;
  return json;
}

Result<void> keep_evaluation(const Workspace& workspace, const EvaluateRequest& request, const EvaluateReport& report) {
  if (!is_of_what_is_served(request)) return {};
  const auto folder = workspace.space_folder(report.space) / kFolder;
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
  Json json = evaluation_json(report);
  json["time"] = utc_text(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  json[kFingerprint] = report.fingerprint;
  const auto info = read_space_info(workspace.space_folder(report.space));
  if (!info) return std::unexpected(info.error());
  json[kGeneration] = info->spaces.front().generation;
  const std::string kind = report.relevance + "\n" + report.database;
  return write_file_atomically(folder / (content_hash(std::string_view(kind)) + ".json"), json.dump() + "\n");
}

Result<std::vector<Json>> kept_evaluations(const Workspace& workspace) {
  std::vector<Json> all;
  for (const std::string& space : workspace.space_names()) {
    const auto info = read_space_info(workspace.space_folder(space));
    if (!info) continue;  // a damaged space is told of elsewhere
    std::vector<Json> kept;
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(workspace.space_folder(space) / kFolder, failure)) {
      if (entry.path().extension() != ".json") continue;
      const auto text = read_text_file(entry.path(), kMaxBytes);
      if (!text) continue;
      Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
      if (!json.is_object() || !json.contains("time") || !json["time"].is_string()) continue;
      if (json.value(kFingerprint, "") != info->spaces.front().fingerprint) continue;
      if (json.value(kGeneration, 1U) != info->spaces.front().generation) continue;
      json.erase(kFingerprint);
      json.erase(kGeneration);
      kept.push_back(std::move(json));
    }
    std::ranges::sort(kept, std::ranges::greater(), [](const Json& one) { return one["time"].get<std::string>(); });
    std::ranges::move(kept, std::back_inserter(all));
  }
  return all;
}

}  // namespace warifu
