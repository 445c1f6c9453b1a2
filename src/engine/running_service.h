#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/anonymise.h"
#include "engine/explain.h"
#include "engine/hybrid_search.h"
#include "engine/item_writer.h"
#include "engine/query_encoder.h"
#include "engine/service.h"
#include "engine/thumbnails.h"
#include "engine/workspace_pool.h"
#include "io/picture_decoder.h"
#include "search/confidence.h"

// Inside engine/: what Service::open makes.
namespace warifu {

// kPermissionDenied unless the principal has the scope.
Result<void> require(const Principal& principal, Scope scope);

class RunningService final : public Service {
 public:
  static Result<std::unique_ptr<RunningService>> open(const std::filesystem::path& workspace,
                                                      const ServiceOptions& options, ProgressSink& progress);
  ~RunningService() override;

  void observe_stages(StageObserver observer) override { observer_ = std::move(observer); }

  Result<ServiceAnswer> search(const Principal& principal, const ServiceQuery& query) override;
  Result<std::vector<Suggestion>> suggest(const Principal& principal, std::string_view prefix,
                                          std::size_t limit) override;
  Result<std::vector<std::string>> label_columns(const Principal& principal) override;
  Result<std::vector<ValueCount>> count_values(const Principal& principal, std::string_view column) override;
  Result<EncodedContent> encode(const Principal& principal, const std::optional<std::string>& text,
                                const std::optional<std::vector<std::byte>>& picture) override;
  Result<std::string> judge(const Principal& principal, const FeedbackRequest& request) override;

  Result<Explanation> explain(const Principal& principal, const ExplainQuery& query) override;

  Result<Item> item(const Principal& principal, std::string_view id) override;
  Result<std::vector<Item>> items(const Principal& principal, std::string_view after, std::size_t limit,
                                  const std::optional<Filter>& filter) override;
  Result<std::size_t> count(const Principal& principal, const std::optional<Filter>& filter) override;
  Result<Thumbnail> thumbnail(const Principal& principal, std::string_view id, int width) override;
  std::string picture_uri(const Item& item) const override;
  Result<std::vector<ServiceSpace>> spaces(const Principal& principal) override;
  Result<ServiceCounts> counts(const Principal& principal) override;

  Result<std::vector<WriteOutcome>> put(const Principal& principal, std::vector<NewItem> items, bool replace) override;
  Result<void> remove(const Principal& principal, std::string_view id) override;

  Result<Job> start_job(const Principal& principal, std::string_view kind, std::string_view arguments) override;
  Result<Job> job(const Principal& principal, std::string_view id) override;
  Result<std::vector<Job>> jobs(const Principal& principal) override;
  Result<void> cancel_job(const Principal& principal, std::string_view id) override;
  Result<std::vector<nlohmann::ordered_json>> evaluations(const Principal& principal) override;
  Result<ServiceFeedback> feedback(const Principal& principal, std::size_t limit) override;
  Result<ServiceCollection> collection(const Principal& principal) override;
  Result<std::vector<Rejection>> rejections(const Principal& principal, std::size_t limit) override;

  const CodeSpace& space() const override { return space_; }
  Result<void> ready() override;
  std::size_t encoder_queue_length() const override { return encoder_->waiting(); }

 private:
  using Universe = VisibleItems::Universe;

  RunningService(std::filesystem::path root, ServiceOptions options)
      : root_(std::move(root)), options_(std::move(options)), readers_(root_) {}

  // What a query is searched with: its codes, in the order of HybridRequest::codes.
  Result<std::vector<CodeChannel>> code_channels(const ServiceQuery& query, const QueryContent& content,
                                                 std::vector<float>& embedding);
  Result<QueryContent> content_of(const ServiceQuery& query);
  // `half`: the one that is asked for; a picture that cannot be read matters only where it is looked at.
  Result<ExplainContent> explained_item(const Workspace& reader, const Item& item, std::optional<Modality> half) const;
  Result<ExplainContent> explained_query(const Workspace& reader, const Principal& principal, const ExplainQuery& query,
                                         std::optional<ItemRow>& row);
  Result<RowFilter> rows_to_search(const Workspace& reader, const Universe& universe,
                                   const std::optional<Filter>& filter) const;
  Result<Image> decode(std::span<const std::byte> bytes, const PictureFormat& format) const;
  Result<ItemChangeRequest> prepare(const NewItem& item, bool replace) const;
  Result<void> take_personal_data_out(ItemChangeRequest& change) const;
  Result<void> take_picture(const NewItem& item, ItemChangeRequest& change) const;
  void drop_picture(const std::string& image_uri) const;
  std::optional<Item> visible(const Workspace& reader, const Principal& principal, std::string_view id,
                              std::optional<Error>& error) const;
  std::map<std::string, JobRunner::Work> job_kinds();
  Result<FeedbackStore*> feedback_store();
  Result<std::vector<std::byte>> picture_to_keep(std::span<const std::byte> bytes) const;

  std::filesystem::path root_;
  ServiceOptions options_;
  StageObserver observer_;
  std::shared_ptr<PictureDecoder> decoder_;
  mutable WorkspacePool readers_;
  std::unique_ptr<QueryEncoder> encoder_;
  std::unique_ptr<ThumbnailCache> thumbnails_;
  std::unique_ptr<ItemWriter> writer_;
  SpaceInfo info_;
  CodeSpace space_;
  ImageLimits limits_;
  std::optional<Anonymiser> anonymiser_;  // where the workspace is anonymised
  std::atomic<int> explanations_ = 0;     // made and waited for
  std::mutex explain_mutex_;
  std::unique_ptr<Encoder> explainer_;  // null: nothing was explained yet
  mutable std::mutex confidence_mutex_;
  std::shared_ptr<const ConfidenceModel> confidence_;  // null: not calibrated
  std::mutex feedback_mutex_;
  std::unique_ptr<FeedbackStore> feedback_;  // null until it is asked for
  std::unique_ptr<JobRunner> jobs_;          // ends first
};

}  // namespace warifu
