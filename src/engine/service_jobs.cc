#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/backup.h"
#include "engine/calibrate.h"
#include "engine/evaluate_space.h"
#include "engine/evaluations.h"
#include "engine/find_items.h"
#include "engine/ingest.h"
#include "engine/running_service.h"

// The part of RunningService that does long runs: what each kind of job takes and gives, as JSON.
namespace warifu {
namespace {

using Json = nlohmann::ordered_json;

// An object with these keys and no others, all of them text; kInvalidArgument names what is wrong.
Result<std::map<std::string, std::string>> read_arguments(const std::string& text,
                                                          const std::vector<std::string>& known) {
  const auto json = Json::parse(text.empty() ? "{}" : text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalidArgument, "the arguments of a job are a JSON object");
  std::map<std::string, std::string> arguments;
  for (const auto& [key, value] : json.items()) {
    if (std::ranges::find(known, key) == known.end())
      return fail(ErrorCode::kInvalidArgument, "this kind of job takes no '" + key + "'");
    if (!value.is_string()) return fail(ErrorCode::kInvalidArgument, "'" + key + "' is not a text");
    arguments[key] = value.get<std::string>();
  }
  return arguments;
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Json rejections_json(const std::vector<Rejection>& rejections) {
  constexpr std::size_t kShown = 100;
  Json list = Json::array();
  for (const Rejection& one : rejections) {
    if (list.size() == kShown) break;
    list.push_back({{"place", one.place}, {"reason", one.reason}, {"hint", one.hint}});
  }
  return list;
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::map<std::string, JobRunner::Work> RunningService::job_kinds() {
  std::map<std::string, JobRunner::Work> kinds;
  kinds["backup"] = [this](const std::string& text, ProgressSink& progress) -> Result<std::string> {
    const auto arguments = read_arguments(text, {"target"});
    if (!arguments) return std::unexpected(arguments.error());
    if (!arguments->contains("target"))
      return fail(ErrorCode::kInvalidArgument, "a backup needs a 'target'", "name a folder that does not exist");
    BackupReport report;
    const auto work = [&](Workspace& workspace, LiveSpace& live) -> Result<void> {
      auto made = backup_workspace(workspace, live, arguments->at("target"), progress);
      if (!made) return std::unexpected(made.error());
      report = std::move(*made);
      return {};
    };
    if (auto done = writer_->between_writes(work); !done) return std::unexpected(done.error());
    return text_of({{"target", report.target.string()}, {"files", report.files}, {"bytes", report.bytes}});
  };
  kinds["ingest"] = [this](const std::string& text, ProgressSink& progress) -> Result<std::string> {
    const auto arguments = read_arguments(text, {"path", "format", "label_columns"});
    if (!arguments) return std::unexpected(arguments.error());
    if (!arguments->contains("path"))
      return fail(ErrorCode::kInvalidArgument, "an ingest needs a 'path'", "name a file or folder on the server");
    IngestOptions options;
    if (arguments->contains("format")) options.source.format = arguments->at("format");
    if (arguments->contains("label_columns"))
      options.source.label_columns = split_at_commas(arguments->at("label_columns"));
    const auto report = ingest(root_, arguments->at("path"), options, progress);
    if (!report) return std::unexpected(report.error());
    if (report->stopped) return fail(ErrorCode::kUnavailable, "stopped on request");
    return text_of({{"added", report->added},
                    {"updated", report->updated},
                    {"unchanged", report->unchanged},
                    {"rejected", report->rejected.size()},
                    {"rejections", rejections_json(report->rejected)},
                    {"items", report->items}});
  };
  kinds["evaluate"] = [this](const std::string& text, ProgressSink& progress) -> Result<std::string> {
    const auto arguments = read_arguments(text, {"space", "relevance", "database"});
    if (!arguments) return std::unexpected(arguments.error());
    EvaluateRequest request;
    if (arguments->contains("database")) {
      const auto half = parse_modality(arguments->at("database"));
      if (!half) return std::unexpected(half.error());
      request.database = *half;
    }
    request.space = arguments->contains("space") ? arguments->at("space") : space_.name;
    if (arguments->contains("relevance")) request.relevance = arguments->at("relevance");
    const auto reader = readers_.take();
    if (!reader) return std::unexpected(reader.error());
    const auto report = evaluate_space(**reader, request, progress);
    if (!report) return std::unexpected(report.error());
    if (auto kept = keep_evaluation(**reader, request, *report); !kept)
      progress.note("the evaluation is not kept: " + kept.error().message);
    Json results = Json::array();
    for (const DirectionResult& result : report->results)
      results.push_back({{"direction", result.direction},
                         {"bits", result.bits},
                         {"map", result.metrics.map},
                         {"map_low", result.metrics.map_low},
                         {"map_high", result.metrics.map_high},
                         {"ci95", {result.metrics.ci95_low, result.metrics.ci95_high}}});
    return text_of({{"space", report->space},
                    {"relevance", report->relevance},
                    {"query_items", report->query_items},
                    {"database_items", report->database_items},
                    {"train_in_database", report->train_in_database},
                    {"results", results}});
  };
  kinds["calibrate"] = [this](const std::string& text, ProgressSink& progress) -> Result<std::string> {
    const auto arguments = read_arguments(text, {"relevance"});
    if (!arguments) return std::unexpected(arguments.error());
    CalibrateRequest request{.space = space_.name, .bits = space_.bits};
    if (arguments->contains("relevance")) request.relevance = arguments->at("relevance");
    const auto reader = readers_.take();
    if (!reader) return std::unexpected(reader.error());
    const auto report = calibrate(**reader, request, progress);
    if (!report) return std::unexpected(report.error());
    const auto model = ConfidenceModel::load((*reader)->space_folder(space_.name) / kConfidenceFile);
    if (!model) return std::unexpected(model.error());
    {
      const std::lock_guard lock(confidence_mutex_);
      confidence_ = std::make_shared<const ConfidenceModel>(*model);
    }
    return text_of({{"queries", report->queries},
                    {"hits", report->hits},
                    {"word_weight", report->word_weight},
                    {"calibration_error", report->calibration_error}});
  };
  return kinds;
}

}  // namespace warifu
