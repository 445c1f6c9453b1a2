#include "nn/clip_settings.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
constexpr std::int64_t kMaxLayers = 256;

using Settings = std::map<std::string, std::string, std::less<>>;

// The members of the file as text.
Result<Settings> read_config(const std::filesystem::path& path) {
  Settings settings;
  const auto text = read_text_file(path, kMaxConfigBytes);
  if (!text) return Fail(text.error());
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return fail(ErrorCode::kBadFormat, path.string() + ": not a JSON object");
  for (const auto& [key, value] : json.items()) {
    if (value.is_string()) settings[key] = value.get<std::string>();
    if (value.is_number_integer()) settings[key] = std::to_string(value.get<std::int64_t>());
  }
  return settings;
}

Result<std::int64_t> read_heads(const Settings& settings, std::string_view key) {
  const auto found = settings.find(key);
  if (found == settings.end()) return 0;
  std::int64_t heads = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), heads);
  if (error != std::errc{} || end != text.data() + text.size() || heads < 1) {
    return fail(ErrorCode::kBadFormat, std::string(key) + ": '" + text + "' is no number of heads");
  }
  return heads;
}

Result<Activation> read_activation(const Settings& settings) {
  if (const auto found = settings.find("activation"); found != settings.end()) {
    if (found->second == "quickgelu") return Activation::kQuickGelu;
    if (found->second == "gelu") return Activation::kGelu;
    return fail(ErrorCode::kBadFormat, "activation: '" + found->second + "' is neither 'quickgelu' nor 'gelu'");
  }
  const auto quick = settings.find("quickgelu");
  return quick != settings.end() && quick->second == "false" ? Activation::kGelu : Activation::kQuickGelu;
}

Error unfit(const std::string& name, const std::string& what) {
  return {ErrorCode::kIncompatible, "tensor '" + name + "': " + what,
          "expected a CLIP vision transformer in OpenAI's naming"};
}

bool has_shape(const SafetensorsFile& file, const std::string& name, const std::vector<std::int64_t>& shape) {
  const auto found = file.tensors().find(name);
  return found != file.tensors().end() && found->second.shape == shape;
}

}  // namespace

std::filesystem::path clip_settings_file(const std::filesystem::path& weights) {
  std::error_code failure;
  auto own = weights;
  own.replace_extension(".json");
  for (const auto& path : {own, weights.parent_path() / "config.json"})
    if (std::filesystem::exists(path, failure)) return path;
  return {};
}

Result<ClipSettings> read_clip_settings(const std::filesystem::path& weights, const SafetensorsFile& file) {
  const auto path = clip_settings_file(weights);
  auto settings = path.empty() ? Settings() : read_config(path);
  if (!settings) return Fail(settings.error());
  const bool from_file = !settings->empty();
  settings->insert(file.metadata().begin(), file.metadata().end());  // what is there already stays
  const auto vision = read_heads(*settings, "vision_heads");
  const auto text = read_heads(*settings, "transformer_heads");
  const auto activation = read_activation(*settings);
  const std::string place = from_file ? path.string() : weights.string();
  if (!vision) return with_context(place, vision.error());
  if (!text) return with_context(place, text.error());
  if (!activation) return with_context(place, activation.error());
  return ClipSettings{*vision, *text, *activation};
}

Result<std::int64_t> clip_heads(std::int64_t stated, std::int64_t width) {
  const std::int64_t heads = stated > 0 ? stated : width / 64;
  if (heads > 0 && width % heads == 0) return heads;
  return fail(ErrorCode::kIncompatible,
              "a tower of width " + std::to_string(width) + " cannot have " + std::to_string(heads) + " heads",
              "state vision_heads and transformer_heads in a config.json beside the weights");
}

Result<std::int64_t> clip_layers(const SafetensorsFile& file, const std::string& prefix, std::int64_t width) {
  const auto name = [&](std::int64_t layer, const char* part) {
    return prefix + "transformer.resblocks." + std::to_string(layer) + part;
  };
  std::int64_t layers = 0;
  for (; layers < kMaxLayers && file.tensors().contains(name(layers, ".attn.in_proj_weight")); ++layers) {
    const std::string attention = name(layers, ".attn.in_proj_weight"), hidden = name(layers, ".mlp.c_fc.weight"),
                      output = name(layers, ".mlp.c_proj.weight");
    const auto size = std::to_string(width);
    if (!has_shape(file, attention, {3 * width, width})) return Fail(unfit(attention, "not of width " + size));
    if (!has_shape(file, hidden, {4 * width, width})) return Fail(unfit(hidden, "missing or not of width " + size));
    if (!has_shape(file, output, {width, 4 * width})) return Fail(unfit(output, "missing or not of width " + size));
  }
  if (layers == 0) return Fail(unfit(name(0, ".attn.in_proj_weight"), "missing"));
  return layers;
}

Result<std::vector<std::int64_t>> clip_shape(const SafetensorsFile& file, const std::string& name,
                                             std::size_t dimensions) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end()) return Fail(unfit(name, "missing"));
  const auto& shape = found->second.shape;
  if (shape.size() != dimensions || std::ranges::any_of(shape, [](std::int64_t size) { return size < 1; })) {
    return Fail(unfit(name, "expected " + std::to_string(dimensions) + " dimensions, none of them empty"));
  }
  return shape;
}

}  // namespace warifu
