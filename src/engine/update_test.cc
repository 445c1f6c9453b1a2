// Spaces that learn new categories: what is kept, what is refused, what a kill leaves.
#include "engine/update.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/rng.h"
#include "engine/code_files.h"
#include "engine/evaluate_space.h"
#include "engine/export_codes.h"
#include "engine/find_items.h"
#include "engine/index_items.h"
#include "engine/status.h"
#include "engine/temporary_workspace.h"
#include "engine/train.h"
#include "io/npy.h"
#include "methods/update.h"

namespace warifu {
namespace {

using testing::HasSubstr;

constexpr std::size_t kItems = 320;
constexpr std::size_t kKinds = 8;
constexpr std::size_t kWidth = 24;

// Given features of items of eight kinds: item i is of kind k<i % 8>.
class UpdateTest : public TemporaryWorkspace {
 protected:
  void SetUp() override {
    add_source("pairs", 0, kItems);
    ASSERT_TRUE(ingest(folder_ / "workspace", folder_ / "pairs.csv", options("pairs"), quiet_));
  }

  void add_source(const std::string& name, std::size_t begin, std::size_t end, const std::string& more = "",
                  std::size_t kinds = kKinds) {
    Rng rng(5 + begin);
    std::string csv = "id,image,text,kind\n";
    FloatMatrix images(end - begin, kWidth);
    FloatMatrix texts(end - begin, kWidth);
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t kind = begin == 0 ? i % kinds : kinds;
      csv += "item" + std::to_string(i) + ",,thing,k" + std::to_string(kind) + "\n";
      for (FloatMatrix* features : {&images, &texts})
        for (std::size_t d = 0; d < kWidth; ++d)
          features->row(i - begin)[d] = (d % 9 == kind ? 3.0F : 0.0F) + static_cast<float>(rng.uniform());
    }
    write(name + ".csv", csv + more);
    ASSERT_TRUE(write_npy(folder_ / (name + "-i.npy"), images));
    ASSERT_TRUE(write_npy(folder_ / (name + "-t.npy"), texts));
  }

  IngestOptions options(const std::string& name) const {
    IngestOptions options;
    options.source.image_features = folder_ / (name + "-i.npy");
    options.source.text_features = folder_ / (name + "-t.npy");
    options.source.label_columns = {"kind"};
    return options;
  }

  void train_first(std::vector<std::string> kinds, const std::string& method = "dlch", int epochs = 8) {
    Workspace workspace = open();
    TrainRequest request;
    request.method = method;
    request.bits = method == "dlch" ? std::vector<std::uint32_t>{16, 32} : std::vector<std::uint32_t>{8};
    request.only_labels = std::move(kinds);
    if (method == "dlch")
      request.settings = {"epochs=" + std::to_string(epochs), "batch=32", "hidden=64", "learning_rate=0.005"};
    const auto trained = train(workspace, request, quiet_);
    ASSERT_TRUE(trained) << trained.error().message;
    ASSERT_TRUE(index_items(workspace, method, quiet_));
  }

  Result<UpdateOutcome> learn(std::vector<std::string> kinds) {
    UpdateRequest request;
    request.new_labels = std::move(kinds);
    return update(folder_ / "workspace", request, quiet_);
  }

  using Files = std::map<std::string, std::vector<std::byte>>;

  // Every file of codes, but for the state beside them.
  Files code_files() const {
    Files files;
    const auto codes = folder_ / "workspace/spaces/dlch/codes";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(codes))
      if (entry.is_regular_file() && entry.path().filename() != "state.json")
        files[entry.path().lexically_relative(codes).string()] = read_file(entry.path(), 1 << 20).value();
    return files;
  }

  static std::ptrdiff_t segments(const Files& files) {
    return std::ranges::count_if(files, [](const auto& file) { return file.first.contains("/segment-"); });
  }

  std::vector<std::string> read_space_labels() const { return space_labels(folder_ / "workspace/spaces/dlch").value(); }

  std::uint32_t generation() const {
    return read_space_info(folder_ / "workspace/spaces/dlch").value().spaces.front().generation;
  }
};

TEST_F(UpdateTest, KeepsEveryFileOfCodesThroughFiveUpdatesAndAnIndexRunAfterEach) {
  train_first({"k0", "k1", "k2"}, "dlch", 60);
  const auto fingerprint = read_space_info(folder_ / "workspace/spaces/dlch")->spaces.front().fingerprint;
  double first_before = 1;  // mAP of the first three kinds, before anything else was learnt
  for (std::uint32_t kind = 3; kind < 8; ++kind) {
    const Files before = code_files();
    const auto outcome = learn({"k" + std::to_string(kind)});
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->generation, kind - 1);
    EXPECT_EQ(outcome->old_codes_changed, 0U);
    EXPECT_EQ(outcome->old_codes, 2 * 3 * (kItems - kItems / kKinds));
    EXPECT_EQ(outcome->new_codes, 2 * 3 * kItems / kKinds);
    EXPECT_EQ(outcome->new_labels, std::vector<std::string>{"kind=k" + std::to_string(kind)});
    EXPECT_GT(outcome->measures.back().new_after.value(), 0.9);
    // A dozen queries, and kinds that nobody has learnt yet among the answers: the figures of one update jump about.
    EXPECT_GT(outcome->measures.back().old_after.value(), outcome->measures.back().old_before.value() - 0.1);
    if (kind == 3) first_before = outcome->measures.back().old_before.value();
    {
      Workspace workspace = open();
      const auto again = index_items(workspace, "dlch", quiet_);
      ASSERT_TRUE(again);
      EXPECT_EQ(again->encoded.at("image") + again->encoded.at("text") + again->encoded.at("both"), 0U);
      EXPECT_EQ(again->codes.at("both"), kItems);
    }
    Files after = code_files();
    for (const auto& [name, bytes] : before) EXPECT_EQ(after[name], bytes) << name;
    EXPECT_EQ(segments(after), segments(before) + 6);
  }
  EXPECT_EQ(read_space_info(folder_ / "workspace/spaces/dlch")->spaces.front().fingerprint, fingerprint);

  // All that reads codes reads those of six generations.
  Workspace workspace = open();
  EvaluateRequest evaluation;
  evaluation.relevance = "any:kind";
  const auto report = evaluate_space(workspace, evaluation, quiet_);
  ASSERT_TRUE(report) << report.error().message;
  for (const DirectionResult& result : report->results) EXPECT_GT(result.metrics.map, std::max(first_before, 0.8));
  const auto finder = Finder::open(workspace, "dlch", 32);
  ASSERT_TRUE(finder) << finder.error().message;
  FindRequest search;
  search.like = "item7";
  search.k = 5;
  EXPECT_EQ(finder->find(search)->items.size(), 5U);
  EXPECT_EQ(export_codes(workspace, "dlch", 16, Modality::kImage, folder_ / "out")->count, kItems);
  EXPECT_EQ(status_of(workspace)->spaces.front().generation, 6U);
  EXPECT_EQ(status_of(workspace)->spaces.front().codes.at("text"), kItems);
}

TEST_F(UpdateTest, GivesAChangedOldItemANewCodeInTheNewestFileAlone) {
  train_first({"k0", "k1", "k2", "k3"});
  ASSERT_TRUE(learn({"k4", "k5"}));
  const Files before = code_files();
  FloatMatrix images = *read_npy_matrix(folder_ / "pairs-i.npy");
  for (float& value : images.row(8)) value = 5 - value;
  ASSERT_TRUE(write_npy(folder_ / "pairs-i.npy", images));
  ASSERT_EQ(ingest(folder_ / "workspace", folder_ / "pairs.csv", options("pairs"), quiet_)->updated, 1U);
  Workspace workspace = open();
  const auto row = workspace.catalog().find("item8").value()->row;
  const auto space = read_space_info(workspace.space_folder("dlch"))->spaces.back();
  const auto code_of = [&] {
    const auto codes = load_codes(workspace, space, Modality::kImage).value();
    const auto at = std::ranges::lower_bound(codes->rows, row) - codes->rows.begin();
    return codes->codes.row(static_cast<std::size_t>(at))[0];
  };
  const auto old_code = code_of();
  EXPECT_EQ(index_items(workspace, "dlch", quiet_)->encoded.at("image"), 1U);
  EXPECT_NE(code_of(), old_code);
  Files after = code_files();
  for (const auto& [name, bytes] : before)
    if (!name.contains(".g2/")) {
      EXPECT_EQ(after[name], bytes) << name;
    }
  EXPECT_EQ(index_items(workspace, "dlch", quiet_)->encoded.at("image"), 0U);
}

TEST_F(UpdateTest, LearnsFromASourceOfNewItemsAndListsItsBrokenLines) {
  train_first({"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"});
  const Files before = code_files();
  add_source("new", kItems, kItems + 30, ",,no id,k8\n");
  UpdateRequest request;
  request.items = folder_ / "new.csv";
  request.ingest = options("new");
  auto images = *read_npy_matrix(folder_ / "new-i.npy");
  images = FloatMatrix(31, kWidth);
  for (std::size_t i = 0; i < 31; ++i)
    for (std::size_t d = 0; d < kWidth; ++d)
      images.row(i)[d] = (d % 9 == 8 ? 3.0F : 0.0F) + 0.01F * static_cast<float>((i * 7 + d) % 50);
  ASSERT_TRUE(write_npy(folder_ / "new-i.npy", images));
  ASSERT_TRUE(write_npy(folder_ / "new-t.npy", images));
  const auto outcome = update(folder_ / "workspace", request, quiet_);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->ingested->added, 30U);
  ASSERT_EQ(outcome->ingested->rejected.size(), 1U);
  EXPECT_THAT(outcome->ingested->rejected[0].place, HasSubstr("new.csv:32"));
  EXPECT_EQ(outcome->new_labels, std::vector<std::string>{"kind=k8"});
  EXPECT_EQ(outcome->old_codes, 2 * 3 * kItems);
  EXPECT_EQ(outcome->old_codes_changed, 0U);
  EXPECT_EQ(outcome->new_items, 30U);
  Files after = code_files();
  for (const auto& [name, bytes] : before) EXPECT_EQ(after[name], bytes) << name;
  // The same again: nothing in it is new any more.
  const auto again = update(folder_ / "workspace", request, quiet_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(generation(), 2U);
}

TEST_F(UpdateTest, IndexesASpaceThatNeverWasBeforeItLearns) {
  train_first({"k0", "k1", "k2", "k3"});
  std::filesystem::remove_all(folder_ / "workspace/spaces/dlch/codes");
  const auto outcome = learn({"k4"});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->old_codes, 2 * 3 * (kItems - kItems / kKinds));
}

TEST_F(UpdateTest, RefusesWhatIsKnownUnknownOrNothing) {
  train_first({"k0", "k1", "k2", "k3"});
  ASSERT_TRUE(learn({"k4"}));
  const auto twice = learn({"k4"});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(twice.error().message, HasSubstr("knows already: k4"));
  EXPECT_THAT(learn({"k5", "k0"}).error().message, HasSubstr("knows already: k0"));
  const auto unknown = learn({"k99"});
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(unknown.error().message, HasSubstr("k99"));
  EXPECT_EQ(learn({}).error().code, ErrorCode::kInvalidArgument);
  UpdateRequest both;
  both.items = folder_ / "pairs.csv";
  both.new_labels = {"k5"};
  EXPECT_EQ(update(folder_ / "workspace", both, quiet_).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(generation(), 2U);
}

TEST_F(UpdateTest, SaysWhichMethodsCanBeUpdated) {
  train_first({}, "cca-itq");
  UpdateRequest request;
  request.space = "cca-itq";
  request.new_labels = {"k1"};
  const auto outcome = update(folder_ / "workspace", request, quiet_);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(outcome.error().hint, HasSubstr("dlch"));
}

TEST_F(UpdateTest, RefusesSumsThatAreNotThoseOfTheSpace) {
  train_first({"k0", "k1", "k2", "k3"});
  const auto path = folder_ / "workspace/spaces/dlch/sums.safetensors";
  auto bytes = *read_file(path, 1 << 24);
  bytes[bytes.size() - 3] ^= std::byte{1};
  ASSERT_TRUE(write_file_atomically(path, bytes));
  const auto outcome = learn({"k4"});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kIncompatible);
  EXPECT_THAT(outcome.error().message, HasSubstr("sums.safetensors"));
  EXPECT_EQ(generation(), 1U);
}

// Stops at the n-th time it is asked.
class StopAt final : public ProgressSink {
 public:
  explicit StopAt(int at) : left_(at) {}
  void advance(std::string_view, std::size_t, std::size_t) override {}
  void note(std::string_view) override {}
  bool stop_requested() const override { return --left_ <= 0; }

 private:
  mutable int left_;
};

TEST_F(UpdateTest, LeavesTheOldGenerationServingWhenItIsStoppedAnywhere) {
  train_first({"k0", "k1", "k2", "k3"});
  const Files before = code_files();
  UpdateRequest request;
  request.new_labels = {"k4", "k5"};
  int stops = 0;
  for (int at = 1;; at += 6) {
    StopAt stopping(at);
    const auto outcome = update(folder_ / "workspace", request, stopping);
    if (outcome) break;
    ++stops;
    EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable) << outcome.error().message;
    EXPECT_EQ(generation(), 1U);
    Workspace workspace = open();
    EXPECT_TRUE(Finder::open(workspace, "dlch", 32));
    EXPECT_EQ(index_items(workspace, "dlch", quiet_)->encoded.at("image"), 0U);
  }
  EXPECT_GE(stops, 4);
  EXPECT_EQ(generation(), 2U);
  Files after = code_files();
  for (const auto& [name, bytes] : before) EXPECT_EQ(after[name], bytes) << name;
}

// A kill before model.json: weights, sums, codes and the state of the next generation lie there already.
TEST_F(UpdateTest, PassesOverWhatAKilledUpdateLeft) {
  train_first({"k0", "k1", "k2", "k3"});
  const auto space = folder_ / "workspace/spaces/dlch";
  const auto model = *read_file(space / "model.json", 1 << 20);
  ASSERT_TRUE(learn({"k4", "k5"}));
  ASSERT_TRUE(write_file_atomically(space / "model.json", model));
  std::filesystem::create_directories(folder_ / "workspace/spaces/.updating-dlch");
  write("workspace/spaces/.updating-dlch/model.json", "half a fi");
  {
    Workspace workspace = open();
    EXPECT_EQ(status_of(workspace)->spaces.size(), 1U);
    EXPECT_EQ(status_of(workspace)->spaces.front().problem, "");
    EXPECT_EQ(index_items(workspace, "dlch", quiet_)->encoded.at("text"), 0U);
  }
  const auto outcome = learn({"k6"});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->generation, 2U);
  EXPECT_EQ(outcome->old_codes, 2 * 3 * (kItems - kItems / kKinds));
  EXPECT_EQ(outcome->old_codes_changed, 0U);
}

TEST_F(UpdateTest, LetsOneAtATimeWriteCodes) {
  train_first({"k0", "k1", "k2", "k3"});
  Workspace workspace = open();
  const auto held = workspace.lock_space("dlch");
  ASSERT_TRUE(held);
  EXPECT_EQ(learn({"k4"}).error().code, ErrorCode::kUnavailable);
  const auto refused = index_items(workspace, "dlch", quiet_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("codes of space 'dlch'"));
  EXPECT_EQ(generation(), 1U);
}

TEST_F(UpdateTest, TrainingWaitsForAWriterOfTheFormerCodesAndLosesNothing) {
  train_first({"k0", "k1", "k2", "k3"});
  std::optional<Workspace> other = open();
  auto held = std::make_unique<Result<WriteLock>>(other->lock_space("dlch"));
  ASSERT_TRUE(*held);
  class Releases final : public ProgressSink {
   public:
    explicit Releases(std::unique_ptr<Result<WriteLock>>& held) : held_(held) {}
    void advance(std::string_view, std::size_t, std::size_t) override {}
    void note(std::string_view text) override {
      if (!text.contains("waiting")) return;
      held_.reset();
      waited = true;
    }
    bool stop_requested() const override { return false; }
    bool waited = false;

   private:
    std::unique_ptr<Result<WriteLock>>& held_;
  } progress(held);
  Workspace workspace = open();
  TrainRequest request;
  request.method = "dlch";
  request.bits = {8};
  request.epochs = 1;
  const auto trained = train(workspace, request, progress);
  ASSERT_TRUE(trained) << trained.error().message;
  EXPECT_TRUE(progress.waited);
  EXPECT_EQ(read_space_info(folder_ / "workspace/spaces/dlch")->spaces.size(), 1U);
}

TEST_F(UpdateTest, NamesADamagedFileOfOldCodesInsteadOfMakingTheCodesAnew) {
  train_first({"k0", "k1", "k2", "k3"});
  ASSERT_TRUE(learn({"k4"}));
  std::filesystem::path path;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "workspace/spaces/dlch/codes/image-16"))
    if (entry.path().filename().string().starts_with("segment")) path = entry.path();
  const auto whole = *read_file(path, 1 << 20);
  auto damaged = whole;
  damaged[damaged.size() / 2] ^= std::byte{4};
  ASSERT_TRUE(write_file_atomically(path, damaged));
  const Files before = code_files();
  Workspace workspace = open();
  const auto refused = index_items(workspace, "dlch", quiet_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("image-16"));
  EXPECT_EQ(code_files(), before);
  ASSERT_TRUE(write_file_atomically(path, whole));
  EXPECT_EQ(index_items(workspace, "dlch", quiet_)->encoded.at("image"), 0U);
}

TEST_F(UpdateTest, TheFirstCategoriesAreLearntWithoutItemsThatAlsoBelongToLaterOnes) {
  std::string csv = *read_text_file(folder_ / "pairs.csv", 1 << 20);
  for (std::size_t i = 0; i < kItems; i += 2 * kKinds) {
    const std::string line = "item" + std::to_string(i) + ",,thing,k0";
    csv.replace(csv.find(line + "\n"), line.size(), line + "|k7");
  }
  write("pairs.csv", csv);
  auto both = options("pairs");
  both.source.label_separator = "|";
  ASSERT_EQ(ingest(folder_ / "workspace", folder_ / "pairs.csv", both, quiet_)->updated, kItems / kKinds / 2);
  train_first({"k0", "k1", "k2"});
  EXPECT_EQ(read_space_labels(), (std::vector<std::string>{"kind=k0", "kind=k1", "kind=k2"}));
  const auto outcome = learn({"k7"});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->new_items, kItems / kKinds * 3 / 2);
}

TEST_F(UpdateTest, PassesOverAValueThatNoTrainPairCarries) {
  train_first({"k0", "k1", "k2", "k3"});
  {
    Workspace workspace = open();
    Catalog& catalog = workspace.catalog();
    auto train = catalog.split("train").value();
    std::erase_if(train, [&](ItemRow row) { return catalog.items(std::vector{row})->front().labels[0].value == "k5"; });
    ASSERT_TRUE(catalog.begin_writing());
    ASSERT_TRUE(catalog.set_split("train", train));
    ASSERT_TRUE(catalog.end_writing());
  }
  const Files before = code_files();
  EXPECT_EQ(learn({"k5"}).error().code, ErrorCode::kNotFound);
  const auto outcome = learn({"k4", "k5"});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->new_labels, std::vector<std::string>{"kind=k4"});
  EXPECT_EQ(outcome->new_items, kItems / kKinds);
  EXPECT_EQ(outcome->old_codes, 2 * 3 * (kItems - kItems / kKinds));
  Files after = code_files();
  for (const auto& [name, bytes] : before) EXPECT_EQ(after[name], bytes) << name;
}

}  // namespace
}  // namespace warifu
