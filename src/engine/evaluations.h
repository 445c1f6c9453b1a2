#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/evaluate_space.h"
#include "engine/workspace.h"

// Measurements as others read them, and the last of each kind, which a workspace keeps:
// spaces/<name>/evaluations/<hash>.json. They go when the space is trained again.
namespace warifu {

// {"space","method","relevance","database","query_items","database_items","train_in_database","ties","results":
// [{"direction","bits","map",…,"curve": [{"radius","precision","recall"}, …]}]}; curves of codes only.
nlohmann::ordered_json evaluation_json(const EvaluateReport& report);

// Keeps it in place of the last one of the same space, relevance and database. Only
// what measures the space as it is served is kept: its indexed codes at every length, on the splits "query" and
// "database"; else nothing is done.
Result<void> keep_evaluation(const Workspace& workspace, const EvaluateRequest& request, const EvaluateReport& report);

// As evaluation_json, with the "time" of the measurement in UTC; by space, newest first. Those of a model that is not
// the space's any more are left out, and so are files that cannot be read.
Result<std::vector<nlohmann::ordered_json>> kept_evaluations(const Workspace& workspace);

}  // namespace warifu
