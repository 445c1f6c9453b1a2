#include "io/mat_variable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "io/archive_stream.h"
#include "io/mat_extract.h"

namespace warifu {
namespace {

constexpr std::uint64_t kMaxUnpackedBytes = std::uint64_t{8} << 30;
constexpr std::size_t kBlockBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxVariables = 10000;

// A damaged file may keep libmatio busy for ever; a healthy one needs about a second for 100 MiB.
IsolatedChild::Limits limits_for(const MatFile& file) {
  IsolatedChild::Limits limits;
  limits.cpu_seconds = 10 + (file.size >> 20);
  return limits;
}

std::string system_reason() { return std::strerror(errno); }

Result<FileDescriptor> open_above_standard(const std::filesystem::path& path) {
  const FileDescriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.get() < 0) {
    const auto code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
    return fail(code, path.string() + ": " + system_reason(), "check the path");
  }
  FileDescriptor above(::fcntl(opened.get(), F_DUPFD_CLOEXEC, 3));
  if (above.get() < 0) return fail(ErrorCode::kUnavailable, path.string() + ": " + system_reason());
  return above;
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// The first .mat of a zip archive, in a temporary file that has no name and ends with its descriptor.
Result<FileDescriptor> unpack(const std::filesystem::path& path) {
  auto archive = ArchiveStream::open(path, ArchiveKind::kZip);
  if (!archive) return with_context(path.string(), std::move(archive.error()));
  while (true) {
    auto member = archive->next();
    if (!member) return with_context(path.string(), std::move(member.error()));
    if (!*member) return fail(ErrorCode::kBadFormat, path.string() + ": no .mat file inside", "unpack it by hand");
    if ((*member)->name.ends_with(".mat")) break;
  }
  const std::unique_ptr<std::FILE, CloseFile> file(std::tmpfile());
  if (!file) return fail(ErrorCode::kIo, "no temporary file to unpack " + path.string() + ": " + system_reason());
  auto copied = archive->read(kMaxUnpackedBytes, [&](std::span<const std::byte> part) -> Result<void> {
    if (std::fwrite(part.data(), 1, part.size(), file.get()) == part.size()) return {};
    return fail(ErrorCode::kIo, "cannot be unpacked: " + system_reason(), "unpack it by hand, where there is room");
  });
  if (copied && std::fflush(file.get()) != 0) copied = fail(ErrorCode::kIo, "cannot be unpacked: " + system_reason());
  if (!copied) return with_context(path.string(), std::move(copied.error()));
  FileDescriptor above(::fcntl(::fileno(file.get()), F_DUPFD_CLOEXEC, 3));
  if (above.get() < 0) return fail(ErrorCode::kUnavailable, path.string() + ": " + system_reason());
  return above;
}

bool is_zip(const FileDescriptor& file) {
  std::array<char, 4> start{};
  return ::pread(file.get(), start.data(), start.size(), 0) == 4 && std::string_view(start.data(), 4) == "PK\x03\x04";
}

// One message of send_mat_variables(): kind, small, rank, dims …, name. Nothing if it makes no sense.
std::optional<MatVariable> read_variable(const std::vector<std::byte>& message, const std::string& file) {
  const auto number = [&](std::size_t i) {
    std::uint64_t value = 0;
    if ((i + 1) * sizeof value <= message.size()) std::memcpy(&value, message.data() + i * sizeof value, sizeof value);
    return value;
  };
  constexpr std::uint64_t kMaxRank = 32;
  const std::uint64_t kind = number(0), rank = number(2);
  if (kind > static_cast<std::uint64_t>(MatKind::kOther) || rank > kMaxRank) return std::nullopt;
  if (message.size() < (3 + rank) * sizeof(std::uint64_t)) return std::nullopt;
  MatVariable variable;
  variable.file = file;
  variable.kind = static_cast<MatKind>(kind);
  variable.is_small_integer = number(1) != 0;
  for (std::size_t i = 0; i < rank; ++i) variable.dims.push_back(number(3 + i));
  const auto* name = reinterpret_cast<const char*>(message.data()) + (3 + rank) * sizeof(std::uint64_t);
  variable.name.assign(name, message.size() - (3 + rank) * sizeof(std::uint64_t));
  // Rows are looked at only where they have two dimensions or are pictures, and can be counted.
  constexpr std::uint64_t kMaxLength = 0x7FFFFFFF;
  const bool countable = std::ranges::all_of(variable.dims, [](std::uint64_t length) { return length <= kMaxLength; });
  if (!countable || (rank != 2 && !variable.is_pixels())) variable.kind = MatKind::kOther;
  return variable;
}

}  // namespace

bool MatVariable::is_pixels() const {
  constexpr std::uint64_t kMaxSide = 1024;
  return kind == MatKind::kNumbers && is_small_integer && dims.size() == 4 && dims[2] == 3 && dims[0] >= 1 &&
         dims[0] <= kMaxSide && dims[1] >= 1 && dims[1] <= kMaxSide;
}

std::uint64_t MatVariable::rows() const {
  if (dims.size() < 2) return 0;
  if (is_pixels()) return dims[3];
  if (kind == MatKind::kCharacters) return dims[1] == 0 ? 0 : dims[0];
  return dims[0] == 1 ? dims[1] : dims[0];
}

std::uint64_t MatVariable::columns() const {
  if (kind != MatKind::kNumbers || dims.size() < 2) return 1;
  if (is_pixels()) return dims[0] * dims[1] * dims[2];
  return dims[0] == 1 ? 1 : dims[1];
}

std::string MatVariable::described() const {
  std::string text = "'" + name + "' (";
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i == 0 ? "" : " x ") + std::to_string(dims[i]);
  return text + ") in " + file;
}

Result<MatFile> open_mat_file(const std::filesystem::path& path) {
  MatFile file;
  file.path = path;
  file.name = path.filename().string();
  auto opened = open_above_standard(path);
  if (!opened) return Fail(opened.error());
  file.fd = std::move(*opened);
  struct stat status {};
  if (::fstat(file.fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return fail(ErrorCode::kInvalidArgument, path.string() + ": is not a regular file");
  if (is_zip(file.fd)) {
    auto unpacked = unpack(path);
    if (!unpacked) return Fail(unpacked.error());
    file.fd = std::move(*unpacked);
    if (::fstat(file.fd.get(), &status) != 0) return fail(ErrorCode::kIo, path.string() + ": " + system_reason());
  }
  file.size = static_cast<std::uint64_t>(status.st_size);
  return file;
}

Result<std::vector<MatVariable>> list_mat_variables(const MatFile& file) {
  auto child = IsolatedChild::start(file.fd.get(), limits_for(file),
                                    [&](MessageSink& sink) { send_mat_variables(file.fd.get(), sink); });
  if (!child) return with_context(file.name, std::move(child.error()));
  std::vector<MatVariable> variables;
  while (true) {
    auto message = child->next();
    if (!message) return with_context(file.name, std::move(message.error()));
    if (!*message) return variables;
    auto variable = read_variable(**message, file.name);
    if (!variable || variables.size() >= kMaxVariables)
      return fail(ErrorCode::kBadFormat, file.name + ": the file is damaged", "save or download the file again");
    variables.push_back(std::move(*variable));
  }
}

Result<MatRows> MatRows::open(const MatFile& file, const MatVariable& variable) {
  auto child = IsolatedChild::start(file.fd.get(), limits_for(file), [&](MessageSink& sink) {
    send_mat_rows(file.fd.get(), variable.name, kBlockBytes, sink);
  });
  if (!child) return with_context(file.name, std::move(child.error()));
  return MatRows(variable, std::move(*child));
}

Result<void> MatRows::next() {
  const auto place = [&] { return variable_.file + ": '" + variable_.name + "' row " + std::to_string(done_ + 1); };
  auto message = child_.next();
  if (!message) return with_context(place(), std::move(message.error()));
  if (!*message) return fail(ErrorCode::kBadFormat, place() + ": the variable ends early");
  row_ = std::move(**message);
  const std::uint64_t expected = variable_.columns() * (variable_.is_pixels() ? 1 : sizeof(float));
  if (variable_.kind == MatKind::kNumbers && row_.size() != expected)
    return fail(ErrorCode::kBadFormat, place() + ": the variable is damaged");
  ++done_;
  return {};
}

std::vector<float> MatRows::numbers() const {
  std::vector<float> numbers(row_.size() / sizeof(float));
  std::memcpy(numbers.data(), row_.data(), numbers.size() * sizeof(float));
  return numbers;
}

std::string MatRows::text() const { return {reinterpret_cast<const char*>(row_.data()), row_.size()}; }

}  // namespace warifu
