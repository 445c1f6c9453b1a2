#pragma once

#include <cstddef>
#include <functional>

namespace warifu {

// While one lives, a tensor operation uses the thread that calls it and no other: neither OpenMP's
// (ATen, oneDNN) nor the BLAS's own. Work is spread over threads by item or shard instead, because
//   - a row computed by one thread is the same to the last bit whatever else is computed;
//   - OpenMP's threads wait by spinning: where other programs use the processors too, two of them
//     are up to ten times slower than one (measured).
// The former settings come back at the end, so scopes may be nested.
//
// A program that wants it for good calls use_single_threaded_tensors (tensor_runtime.h).
//
// Thread safety: process-wide; one thread creates it, then starts the others.
class SingleThreadedTensors {
 public:
  SingleThreadedTensors();
  ~SingleThreadedTensors();
  SingleThreadedTensors(const SingleThreadedTensors&) = delete;
  SingleThreadedTensors& operator=(const SingleThreadedTensors&) = delete;

 private:
  int tensor_threads_;
  int blas_threads_;
};

// work(i) for each i in [0, count) by parallel_for, without gradients and single-threaded inside:
// what work(i) computes cannot depend on how many items there are, their order or their neighbours.
// An exception in `work` comes out here.
void for_each_alone(std::size_t count, const std::function<void(std::size_t item)>& work);

}  // namespace warifu
