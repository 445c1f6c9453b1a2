#include "engine/feedback.h"

#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "engine/workspace.h"

namespace warifu {

std::filesystem::path WorkspaceFeedback::picture(const JudgedQuery& query) const {
  return query.picture.empty() ? std::filesystem::path() : pictures / FeedbackStore::picture_name(query.picture);
}

Result<WorkspaceFeedback> feedback_of(const std::filesystem::path& workspace) {
  const auto root = Workspace::find(workspace);
  if (!root) return std::unexpected(root.error());
  WorkspaceFeedback feedback;
  std::error_code failure;
  if (!std::filesystem::exists(*root / kFeedbackFolder, failure)) return feedback;
  const auto store = FeedbackStore::open(*root / kFeedbackFolder);
  if (!store) return std::unexpected(store.error());
  auto judgements = (*store)->judgements(FeedbackStore::kMost);
  if (!judgements) return std::unexpected(judgements.error());
  feedback.judgements = std::move(*judgements);
  feedback.pictures = (*store)->pictures();
  return feedback;
}

std::vector<AgreedJudgement> agreed(const std::vector<Judgement>& judgements) {
  std::map<std::pair<std::string, std::string>, int> votes;
  for (const Judgement& one : judgements) votes[{one.query.id(), one.item}] += one.right ? 1 : -1;
  std::vector<AgreedJudgement> all;
  for (const auto& [of, sum] : votes)
    if (sum != 0) all.push_back({of.first, of.second, sum > 0});
  return all;
}

Result<void> write_judged_queries(const std::filesystem::path& file, const WorkspaceFeedback& feedback) {
  std::map<std::string, std::string> lines;
  for (const Judgement& one : feedback.judgements) {
    const JudgedQuery& query = one.query;
    nlohmann::ordered_json json = {{"id", query.id()}};
    if (!query.text.empty()) json["text"] = query.text;
    if (!query.picture.empty()) json["image"] = feedback.picture(query).string();
    if (!query.item_id.empty()) json["like"] = query.item_id;
    lines[query.id()] = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  std::string text;
  for (const auto& [id, line] : lines) text += line + "\n";
  return write_file_atomically(file, text);
}

}  // namespace warifu
