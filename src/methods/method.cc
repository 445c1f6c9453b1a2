#include "methods/method.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <exception>
#include <functional>
#include <numeric>
#include <utility>

#include "base/join.h"
#include "methods/cca_itq/cca_itq.h"
#include "methods/ccl/ccl.h"
#include "methods/contrastive/contrastive.h"
#include "methods/dlch/dlch.h"
#include "methods/dmmh/dmmh.h"
#include "methods/prompthash/prompthash.h"
#include "methods/space_model.h"
#include "nn/small_image_tower.h"

namespace warifu {
namespace {

struct Method {
  std::string_view name;
  Result<TrainReport> (*train)(const TrainingSet&, const TrainOptions&, const std::filesystem::path&, ProgressSink&);
  Result<std::unique_ptr<Encoder>> (*load)(const std::filesystem::path&, const SpaceModel&);
  std::string_view image_tower = "classic";  // what it works best with when nothing is chosen or given
  std::string_view text_tower = "bow";
  bool bits_within_widths = false;  // a code can have no more bits than either half has features
  bool starts_from = false;         // can go on from the weights of a trained space
  bool chooses_bits = false;        // can keep of several lengths the one that validation names
  Result<int> (*parts)(Modality, std::span<const std::string>) = nullptr;  // as wanted_parts; nullptr: none
};

// To add a method: a folder beside cca_itq/, then one line here.
constexpr std::array kMethods = {
    Method{.name = "contrastive", .train = train_contrastive, .load = load_contrastive, .starts_from = true},
    Method{.name = "ccl", .train = train_ccl, .load = load_ccl, .parts = ccl_parts},
    Method{.name = "prompthash", .train = train_prompthash, .load = load_prompthash},
    Method{.name = "dmmh", .train = train_dmmh, .load = load_dmmh, .chooses_bits = true},
    Method{.name = "dlch", .train = train_dlch, .load = load_dlch, .text_tower = "hashed"},
    Method{.name = "cca-itq", .train = train_cca_itq, .load = load_cca_itq, .bits_within_widths = true},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kMethods.size()> names;
  std::ranges::transform(kMethods, names.begin(), &Method::name);
  return names;
}();

Result<const Method*> find_method(std::string_view name) {
  for (const Method& method : kMethods)
    if (method.name == name) return &method;
  return fail(ErrorCode::kNotFound, "no method is called '" + std::string(name) + "'",
              "known methods: " + join(kNames));
}

Result<void> check_side(const TrainingInputs& inputs, const char* side, std::size_t items) {
  const bool counts[] = {!inputs.features.empty(), !inputs.pictures.empty(), !inputs.texts.empty()};
  if (std::ranges::count(counts, true) != 1)
    return fail(ErrorCode::kInvalidArgument,
                std::string(side) + ": exactly one of features, pictures and texts is wanted");
  const std::size_t given = inputs.features.rows() + inputs.pictures.size() + inputs.texts.size();
  if (given != items)
    return fail(ErrorCode::kInvalidArgument, std::string(side) + ": " + std::to_string(given) + " inputs for " +
                                                 std::to_string(items) + " training items");
  return {};
}

// What holds for every method, so that none has to check it again.
Result<void> check_set(const TrainingSet& set, const TrainOptions& options) {
  std::size_t items = set.image.features.rows() + set.image.pictures.size();
  for (const auto* part : {&set.train, &set.validation})
    for (const std::size_t position : *part)
      if (position >= items)
        return fail(ErrorCode::kInvalidArgument,
                    "training position " + std::to_string(position) + " of " + std::to_string(items) + " items");
  if (set.train.empty())
    return fail(ErrorCode::kInvalidArgument, "no pair to train on", "see 'warifu status': training learns from pairs");
  if (auto checked = check_side(set.image, "image", items); !checked) return checked;
  if (auto checked = check_side(set.text, "text", items); !checked) return checked;
  if (!set.labels.empty() && set.labels.size() != items)
    return fail(ErrorCode::kInvalidArgument, std::to_string(set.labels.size()) + " lists of labels for " +
                                                 std::to_string(items) + " training items");
  if (!set.column_of_value.empty() && set.column_of_value.size() != set.label_values)
    return fail(ErrorCode::kInvalidArgument, std::to_string(set.column_of_value.size()) + " columns for " +
                                                 std::to_string(set.label_values) + " label values");
  for (const auto& values : set.labels)
    for (const std::uint32_t value : values)
      if (value >= set.label_values)
        return fail(ErrorCode::kInvalidArgument,
                    "label value " + std::to_string(value) + " of " + std::to_string(set.label_values));
  if (options.bits_tolerance && !(*options.bits_tolerance >= 0))
    return fail(ErrorCode::kInvalidArgument, "a loss of mAP that is borne must be 0 or more",
                "for example --bits auto:0.02");
  if (options.bits.empty() || options.bits.front() == 0 || options.bits.back() > kMaxBits ||
      !std::ranges::is_sorted(options.bits, std::ranges::less_equal{}))
    return fail(ErrorCode::kInvalidArgument, "bits must be different lengths in 1 … " + std::to_string(kMaxBits),
                "for example --bits 16,32,64,128");
  if (options.epochs < 0)
    return fail(ErrorCode::kInvalidArgument,
                "epochs must be 0 (the method's default) or more, not " + std::to_string(options.epochs));
  return {};
}

Result<void> check_ability(std::string_view method, bool Method::*ability, std::string_view what) {
  const auto found = find_method(method);
  if (!found) return std::unexpected(found.error());
  if ((*found)->*ability) return {};
  std::vector<std::string_view> able;
  for (const Method& one : kMethods)
    if (one.*ability) able.push_back(one.name);
  return fail(ErrorCode::kInvalidArgument, "method " + std::string(method) + " cannot " + std::string(what),
              "methods that can: " + join(able));
}

}  // namespace

Result<TrainReport> train_method(std::string_view method, const TrainingSet& set, const TrainOptions& options,
                                 const std::filesystem::path& directory, ProgressSink& progress) {
  const auto found = find_method(method);
  if (!found) return std::unexpected(found.error());
  TrainOptions ordered = options;
  std::ranges::sort(ordered.bits);
  if (ordered.space.empty()) ordered.space = method;
  if (auto checked = check_set(set, ordered); !checked) return std::unexpected(checked.error());
  if (!ordered.start_from.empty())
    if (auto can = check_starts_from(method); !can) return std::unexpected(can.error());
  if (ordered.bits_tolerance)
    if (auto can = check_chooses_bits(method); !can) return std::unexpected(can.error());
  try {
    std::filesystem::create_directories(directory);
    auto report = (*found)->train(set, ordered, directory, progress);
    if (report && report->bits.empty()) report->bits = ordered.bits;
    return report;
  } catch (const std::filesystem::filesystem_error& error) {
    return fail(ErrorCode::kIo, directory.string() + ": " + error.code().message());
  } catch (const c10::Error& error) {
    return fail(ErrorCode::kInternal, "training " + std::string(method) + ": " + error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInternal, "training " + std::string(method) + ": " + error.what());
  }
}

std::span<const std::string_view> method_names() { return kNames; }

Result<void> check_method(std::string_view method) {
  const auto found = find_method(method);
  if (!found) return std::unexpected(found.error());
  return {};
}

Result<void> check_starts_from(std::string_view method) {
  return check_ability(method, &Method::starts_from, "start from a trained space");
}

Result<void> check_chooses_bits(std::string_view method) {
  return check_ability(method, &Method::chooses_bits, "choose a code length by itself");
}

std::string_view default_tower(std::string_view method, Modality modality) {
  const auto found = find_method(method);
  assert(found && modality != Modality::kBoth && "the caller checked the method and asks for one half");
  return modality == Modality::kImage ? (*found)->image_tower : (*found)->text_tower;
}

Result<int> wanted_parts(std::string_view method, Modality modality, std::span<const std::string> settings) {
  const auto found = find_method(method);
  assert(found && modality != Modality::kBoth && "the caller checked the method and asks for one half");
  return (*found)->parts == nullptr ? Result<int>(0) : (*found)->parts(modality, settings);
}

std::size_t longest_code(std::string_view method, std::size_t image_width, std::size_t text_width) {
  const auto found = find_method(method);
  assert(found && "the caller checked the method");
  if (!(*found)->bits_within_widths || image_width == 0 || text_width == 0) return kMaxBits;
  return std::min<std::size_t>({kMaxBits, image_width, text_width});
}

Result<SpaceInfo> read_space_info(const std::filesystem::path& directory) {
  const auto model = read_space_model(directory);
  if (!model) return std::unexpected(model.error());
  return SpaceInfo{model->method, model->code_spaces(), model->caveat, tower_in(directory, model->image),
                   tower_in(directory, model->text)};
}

Result<std::unique_ptr<Encoder>> load_encoder(const std::filesystem::path& directory) {
  const auto model = read_space_model(directory);
  if (!model) return std::unexpected(model.error());
  const auto method = find_method(model->method);
  if (!method) return with_context((directory / kModelFile).string(), method.error());
  try {
    return (*method)->load(directory, *model);
  } catch (const c10::Error& error) {
    return fail(ErrorCode::kBadFormat, directory.string() + ": " + error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(ErrorCode::kBadFormat, directory.string() + ": " + error.what());
  }
}

PictureFormat trained_picture_format() { return SmallImageTowerImpl::picture_format(); }

}  // namespace warifu
