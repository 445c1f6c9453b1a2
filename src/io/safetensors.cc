#include "io/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/atomic_file.h"
#include "io/json_strict.h"
#include "io/tensor_dtype.h"

namespace warifu {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "lengths and values are used as they lie in the file");

constexpr std::size_t kMaxHeaderBytes = 100'000'000;  // the limit of the format
constexpr int kHeaderDepth = 3;                       // file, tensor, shape
constexpr std::size_t kMaxDimensions = 64;
constexpr std::string_view kMetadataKey = "__metadata__";

// A file's bytes in memory; unmapped with the object.
class Mapping {
 public:
  static Result<Mapping> open(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return system_error(errno);
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(fd);
      return fail(ErrorCode::kInvalidArgument, S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a file");
    }
    Mapping mapping;
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > 0) {
      void* begin = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
      const int reason = errno;
      ::close(fd);
      if (begin == MAP_FAILED) return system_error(reason);
      mapping.bytes_ = {static_cast<const std::byte*>(begin), size};
    } else {
      ::close(fd);
    }
    return mapping;
  }

  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  Mapping() = default;
  static Fail system_error(int reason) {
    const ErrorCode code = reason == ENOENT || reason == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
    return fail(code, std::strerror(reason));
  }

  std::span<const std::byte> bytes_;
};

class MappedSafetensors final : public SafetensorsFile {
 public:
  explicit MappedSafetensors(Mapping mapping) : mapping_(std::move(mapping)) {}
  const std::map<std::string, TensorView, std::less<>>& tensors() const override { return tensors_; }
  const std::map<std::string, std::string, std::less<>>& metadata() const override { return metadata_; }

  Result<void> parse();

 private:
  Result<void> read_metadata(const json& metadata);
  Result<void> read_tensor(const std::string& name, const json& entry, std::span<const std::byte> data);
  Result<void> check_cover(std::span<const std::byte> data) const;

  Mapping mapping_;
  std::map<std::string, TensorView, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

Fail bad(std::string message) {
  return fail(ErrorCode::kBadFormat, std::move(message), "download or convert the file again");
}

Result<void> MappedSafetensors::parse() {
  const auto bytes = mapping_.bytes();
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) return bad("is not a safetensors file: " + std::to_string(bytes.size()) + " bytes");
  std::memcpy(&length, bytes.data(), sizeof length);
  const auto rest = bytes.subspan(sizeof length);
  if (length > kMaxHeaderBytes)
    return bad("is not a safetensors file: a header of " + std::to_string(length) + " bytes, the limit is " +
               std::to_string(kMaxHeaderBytes));
  if (length > rest.size())
    return bad("truncated: a header of " + std::to_string(length) + " bytes, the file has " +
               std::to_string(rest.size()) + " more");
  const auto header = parse_json_strictly({reinterpret_cast<const char*>(rest.data()), length}, kHeaderDepth);
  if (!header) return bad("header: " + header.error().message);
  if (!header->is_object()) return bad("the header is not a JSON object");

  const auto data = rest.subspan(length);
  for (const auto& [name, entry] : header->items()) {
    const auto read = name == kMetadataKey ? read_metadata(entry) : read_tensor(name, entry, data);
    if (!read) return read;
  }
  return check_cover(data);
}

Result<void> MappedSafetensors::read_metadata(const json& metadata) {
  if (!metadata.is_object()) return bad("__metadata__ is not a JSON object");
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) return bad("__metadata__ '" + key + "' is not a string");
    metadata_.emplace(key, value.get<std::string>());
  }
  return {};
}

// [0, 1, 2 …] as numbers below 2^63; nothing else.
Result<std::vector<std::int64_t>> sizes_of(const json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array() || found->size() > kMaxDimensions)
    return bad(std::string("has no list '") + key + "'");
  std::vector<std::int64_t> sizes;
  for (const json& size : *found) {
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > INT64_MAX)
      return bad(std::string("its '") + key + "' holds " + size.dump().substr(0, 30) + ", not a size");
    sizes.push_back(static_cast<std::int64_t>(size.get<std::uint64_t>()));
  }
  return sizes;
}

Result<TensorView> view_of(const json& entry, std::span<const std::byte> data) {
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry["dtype"].is_string())
    return bad("is not described by dtype, shape and data_offsets");
  auto shape = sizes_of(entry, "shape");
  if (!shape) return std::unexpected(shape.error());
  const auto offsets = sizes_of(entry, "data_offsets");
  if (!offsets) return std::unexpected(offsets.error());
  if (offsets->size() != 2 || (*offsets)[0] > (*offsets)[1] || static_cast<std::size_t>((*offsets)[1]) > data.size())
    return bad("its data_offsets do not lie within the " + std::to_string(data.size()) + " bytes of values");
  TensorView view;
  view.dtype = entry["dtype"].get<std::string>();
  view.bytes =
      data.subspan(static_cast<std::size_t>((*offsets)[0]), static_cast<std::size_t>((*offsets)[1] - (*offsets)[0]));
  const auto needed = tensor_bytes(view.dtype, *shape);
  if (!needed) return std::unexpected(needed.error());
  if (*needed != view.bytes.size())
    return bad("its shape needs " + std::to_string(*needed) + " bytes, its data_offsets span " +
               std::to_string(view.bytes.size()));
  view.shape = std::move(*shape);
  return view;
}

Result<void> MappedSafetensors::read_tensor(const std::string& name, const json& entry,
                                            std::span<const std::byte> data) {
  auto view = view_of(entry, data);
  if (!view) return with_context("tensor '" + name.substr(0, 200) + "'", std::move(view.error()));
  tensors_.emplace(name, std::move(*view));
  return {};
}

// Every byte of the values belongs to exactly one tensor, so that nothing can hide in the file.
Result<void> MappedSafetensors::check_cover(std::span<const std::byte> data) const {
  struct Extent {
    std::size_t begin;
    std::size_t size;
    const std::string* name;
  };
  std::vector<Extent> extents;
  for (const auto& [name, view] : tensors_)
    extents.push_back({static_cast<std::size_t>(view.bytes.data() - data.data()), view.bytes.size(), &name});
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return std::pair(a.begin, a.size) < std::pair(b.begin, b.size); });
  std::size_t covered = 0;
  for (const Extent& extent : extents) {
    const std::string place = "tensor '" + extent.name->substr(0, 200) + "'";
    if (extent.begin < covered) return bad(place + " overlaps the one before it");
    if (extent.begin > covered) return bad("a gap before " + place);
    covered += extent.size;
  }
  if (covered != data.size()) return bad(std::to_string(data.size() - covered) + " bytes after the last tensor");
  return {};
}

struct Placed {
  const std::string* name;
  const TensorToWrite* tensor;
  std::size_t element_bytes;
};

Result<std::vector<Placed>> placed_in_order(const std::map<std::string, TensorToWrite>& tensors) {
  std::vector<Placed> order;
  for (const auto& [name, tensor] : tensors) {
    const auto place = "tensor '" + name + "'";
    if (name == kMetadataKey) return fail(ErrorCode::kInvalidArgument, place + ": the name is reserved");
    const auto needed = tensor_bytes(tensor.dtype, tensor.shape);
    if (!needed) return fail(ErrorCode::kInvalidArgument, place + ": " + needed.error().message, needed.error().hint);
    if (*needed != tensor.bytes.size())
      return fail(ErrorCode::kInvalidArgument, place + ": its shape needs " + std::to_string(*needed) +
                                                   " bytes, it was given " + std::to_string(tensor.bytes.size()));
    order.push_back({&name, &tensor, *tensor_element_bytes(tensor.dtype)});
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const Placed& a, const Placed& b) { return a.element_bytes > b.element_bytes; });
  return order;
}

Result<std::string> header_text(const std::vector<Placed>& order, const std::map<std::string, std::string>& metadata) {
  try {
    json header = json::object();
    if (!metadata.empty()) header[std::string(kMetadataKey)] = metadata;
    std::size_t offset = 0;
    for (const Placed& placed : order) {
      const std::size_t end = offset + placed.tensor->bytes.size();
      header[*placed.name] = {
          {"dtype", placed.tensor->dtype}, {"shape", placed.tensor->shape}, {"data_offsets", std::array{offset, end}}};
      offset = end;
    }
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
  } catch (const json::exception&) {
    return fail(ErrorCode::kInvalidArgument, "a tensor's name or the metadata is not UTF-8");
  }
}

Result<void> write_placed(const std::filesystem::path& path, const std::vector<Placed>& order,
                          std::string_view header) {
  if (header.size() > kMaxHeaderBytes)
    return fail(ErrorCode::kInvalidArgument, "a header of " + std::to_string(header.size()) + " bytes, the limit is " +
                                                 std::to_string(kMaxHeaderBytes));
  auto file = AtomicFile::create(path);
  if (!file) return std::unexpected(file.error());
  const std::uint64_t length = header.size();
  if (auto written = file->write(std::as_bytes(std::span(&length, 1))); !written) return written;
  if (auto written = file->write(header); !written) return written;
  for (const Placed& placed : order)
    if (auto written = file->write(placed.tensor->bytes); !written) return written;
  return file->commit();
}

}  // namespace

Result<std::unique_ptr<SafetensorsFile>> open_safetensors(const std::filesystem::path& path) {
  auto mapping = Mapping::open(path);
  if (!mapping) return with_context(path.string(), std::move(mapping.error()));
  auto file = std::make_unique<MappedSafetensors>(std::move(*mapping));
  if (auto parsed = file->parse(); !parsed) return with_context(path.string(), std::move(parsed.error()));
  return file;
}

Result<void> write_safetensors(const std::filesystem::path& path, const std::map<std::string, TensorToWrite>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  const auto order = placed_in_order(tensors);
  if (!order) return with_context(path.string(), order.error());
  const auto header = header_text(*order, metadata);
  if (!header) return with_context(path.string(), header.error());
  return write_placed(path, *order, *header);
}

}  // namespace warifu
