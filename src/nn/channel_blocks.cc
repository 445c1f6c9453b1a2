#include "nn/channel_blocks.h"

#include <algorithm>

#include "base/parallel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace warifu {
namespace {

// The setting belongs to a thread and comes back at the end.
class DenormalsAreZero {
 public:
#if defined(__x86_64__)
  DenormalsAreZero() : former_(_mm_getcsr()) {
    constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
    _mm_setcsr(former_ | kFlushToZero | kDenormalsAreZero);
  }
  ~DenormalsAreZero() { _mm_setcsr(former_); }
#else
  DenormalsAreZero() = default;
#endif
  DenormalsAreZero(const DenormalsAreZero&) = delete;
  DenormalsAreZero& operator=(const DenormalsAreZero&) = delete;

 private:
  [[maybe_unused]] unsigned former_ = 0;
};

// About 0.2 ms, several times what starting a thread takes.
constexpr std::size_t kStepsOfAThread = 1 << 20;

}  // namespace

void for_each_block(std::size_t rows, std::size_t channels, std::size_t steps, std::size_t scratch_floats,
                    const std::function<void(const ChannelBlock&, float*)>& work) {
  const std::size_t blocks = block_count(channels);
  const std::size_t grain = std::max<std::size_t>(1, kStepsOfAThread / std::max<std::size_t>(1, steps));
  parallel_for(rows * blocks, grain, [&](std::size_t begin, std::size_t end) {
    const auto scratch = torch::empty({static_cast<std::int64_t>(scratch_floats)}, torch::kFloat32);
    const DenormalsAreZero denormals_are_zero;
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t block = i % blocks, first = block * kScanChannels;
      work({i / blocks, block, blocks, first, std::min(kScanChannels, channels - first)}, scratch.data_ptr<float>());
    }
  });
}

void check_floats(std::string_view what, const torch::Tensor& tensor, torch::IntArrayRef shape,
                  const torch::Device& device) {
  TORCH_CHECK(tensor.defined(), what, " is missing");
  const bool there = device.is_cpu() ? tensor.device().is_cpu() : tensor.device() == device;
  TORCH_CHECK(there, what, " is on ", tensor.device(), ", not on ", device.is_cpu() ? "the CPU" : device.str());
  TORCH_CHECK(tensor.scalar_type() == torch::kFloat32, what, " is ", tensor.scalar_type(), ", not float32");
  TORCH_CHECK(tensor.sizes() == shape, what, " is ", tensor.sizes(), ", not ", shape);
}

c10::optional<torch::Tensor> as_optional(const torch::Tensor& tensor) {
  return tensor.defined() ? c10::optional<torch::Tensor>(tensor) : c10::optional<torch::Tensor>();
}

torch::Tensor or_undefined(const c10::optional<torch::Tensor>& tensor) {
  return tensor.has_value() ? *tensor : torch::Tensor();
}

torch::Tensor side_by_side(const torch::Tensor& tensor) {
  return tensor.size(-1) <= 1 || tensor.stride(-1) == 1 ? tensor : tensor.contiguous();
}

ConstRows rows_of(const torch::Tensor& tensor, std::size_t row, std::size_t first) {
  return {tensor.data_ptr<float>() + static_cast<std::int64_t>(row) * tensor.stride(0) + first,
          static_cast<std::size_t>(tensor.stride(1))};
}

Rows rows_of(torch::Tensor& tensor, std::size_t row, std::size_t first) {
  return {tensor.data_ptr<float>() + static_cast<std::int64_t>(row) * tensor.stride(0) + first,
          static_cast<std::size_t>(tensor.stride(1))};
}

torch::Tensor room_for_parts(std::size_t rows, std::size_t channels, std::size_t floats) {
  return torch::empty({static_cast<std::int64_t>(rows * block_count(channels)), static_cast<std::int64_t>(floats)},
                      torch::kFloat32);
}

float* part_of(const torch::Tensor& parts, const ChannelBlock& block) {
  return parts.data_ptr<float>() + static_cast<std::int64_t>(block.index()) * parts.size(1);
}

std::vector<float> by_block(const torch::Tensor& matrix, std::size_t channels, std::size_t columns, double factor) {
  std::vector<float> blocks(block_count(channels) * columns * kScanChannels, 0.0F);
  if (!matrix.defined()) return blocks;
  const auto source = matrix.contiguous();
  const auto width = source.dim() == 1 ? 1 : static_cast<std::size_t>(source.size(1));
  const float* const from = source.data_ptr<float>();
  for (std::size_t channel = 0; channel < channels; ++channel)
    for (std::size_t column = 0; column < width; ++column)
      blocks[(channel / kScanChannels * columns + column) * kScanChannels + channel % kScanChannels] =
          static_cast<float>(from[channel * width + column] * factor);
  return blocks;
}

torch::Tensor sum_over_rows(const torch::Tensor& parts, std::size_t rows, std::size_t channels, std::size_t columns,
                            std::size_t width) {
  const std::size_t row_floats = block_count(channels) * columns * kScanChannels;
  std::vector<float> sums(row_floats, 0.0F);
  const float* from = parts.data_ptr<float>();
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t i = 0; i < row_floats; ++i) sums[i] += *from++;
  auto result = torch::empty({static_cast<std::int64_t>(channels), static_cast<std::int64_t>(width)}, torch::kFloat32);
  float* const to = result.data_ptr<float>();
  for (std::size_t channel = 0; channel < channels; ++channel)
    for (std::size_t column = 0; column < width; ++column)
      to[channel * width + column] =
          sums[(channel / kScanChannels * columns + column) * kScanChannels + channel % kScanChannels];
  return result;
}

}  // namespace warifu
