#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "nn/selective_scan_kernels.h"

// Inside nn/ only: from tensors [batch, length, channels] to the tasks of selective_scan_kernels.h.
namespace warifu {

// One task: a row of the batch and channels first_channel … first_channel + channels.
struct ChannelBlock {
  std::size_t row = 0;
  std::size_t block = 0;  // of `blocks` a row has
  std::size_t blocks = 0;
  std::size_t first_channel = 0;
  std::size_t channels = 0;  // kScanChannels, fewer in the last block

  std::size_t index() const { return row * blocks + block; }
};

constexpr std::size_t block_count(std::size_t channels) { return (channels + kScanChannels - 1) / kScanChannels; }

// work(block, scratch) for every block of every row, by parallel_for, each once and on one thread;
// `scratch` has `scratch_floats` floats and is aligned to 64 bytes. `steps`: how much a task does, in
// state updates, so that small work is not spread over threads. Numbers below 2^-126 count as zero
// meanwhile (on x86): a state that fades away would otherwise slow some processors a hundredfold.
void for_each_block(std::size_t rows, std::size_t channels, std::size_t steps, std::size_t scratch_floats,
                    const std::function<void(const ChannelBlock& block, float* scratch)>& work);

// TORCH_CHECK: float32 on this device and of this shape. `what` names the tensor in the message.
void check_floats(std::string_view what, const torch::Tensor& tensor, torch::IntArrayRef shape,
                  const torch::Device& device = torch::kCPU);

// An undefined tensor cannot be handed to a torch::autograd::Function; this can, and back.
c10::optional<torch::Tensor> as_optional(const torch::Tensor& tensor);
torch::Tensor or_undefined(const c10::optional<torch::Tensor>& tensor);

// The same values with the last dimension's floats side by side; the tensor itself where they are.
torch::Tensor side_by_side(const torch::Tensor& tensor);

// Rows over time of a row of the batch, from `first` on: tensor [batch, length, width], side_by_side.
ConstRows rows_of(const torch::Tensor& tensor, std::size_t row, std::size_t first);
Rows rows_of(torch::Tensor& tensor, std::size_t row, std::size_t first);

// What each task leaves, to be summed up after: float [tasks, floats], unset, and the part of one task.
torch::Tensor room_for_parts(std::size_t rows, std::size_t channels, std::size_t floats);
float* part_of(const torch::Tensor& parts, const ChannelBlock& block);

// matrix [channels, columns] -> [block][column filled up to `columns`][kScanChannels], times `factor`,
// zeros where nothing is. A vector [channels] is one column; undefined: zeros.
std::vector<float> by_block(const torch::Tensor& matrix, std::size_t channels, std::size_t columns, double factor = 1);

// The way back, summed over the rows of the batch in their order:
// parts [row and block, columns * kScanChannels] -> [channels, width], width <= columns.
torch::Tensor sum_over_rows(const torch::Tensor& parts, std::size_t rows, std::size_t channels, std::size_t columns,
                            std::size_t width);

}  // namespace warifu
