#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/feedback_store.h"

// What people said of answers (store/feedback_store.h), for evaluation.
namespace warifu {

inline constexpr const char* kFeedbackFolder = "feedback";  // in the workspace

struct WorkspaceFeedback {
  std::vector<Judgement> judgements;  // newest first
  std::filesystem::path pictures;     // the folder of queries' pictures

  std::filesystem::path picture(const JudgedQuery& query) const;  // empty where the query has none
};

// All of it; nothing where nobody judged anything. kNotFound without a workspace.
Result<WorkspaceFeedback> feedback_of(const std::filesystem::path& workspace);

// What everybody who judged an item for a query says together: right where more say so than say wrong. Where as many
// say the one as the other nothing is said.
struct AgreedJudgement {
  std::string query;  // id
  std::string item;
  bool right = false;
};
std::vector<AgreedJudgement> agreed(const std::vector<Judgement>& judgements);  // by query, then by item

// The judged queries, each once, as 'warifu search --queries' reads them: JSON lines with the ids of the qrels, which
// name the pictures by absolute paths. Replaces the file.
Result<void> write_judged_queries(const std::filesystem::path& file, const WorkspaceFeedback& feedback);

}  // namespace warifu
