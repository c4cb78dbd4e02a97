// Arrays of one size and dtype on the device, what is timed over them, and the check that comes before.
#pragma once

#include <string>
#include <vector>

#include "conform.hpp"
#include "cudnn.hpp"
#include "timing.hpp"

namespace gpu_bench {

struct Shape {
  jumpout_dtype dtype = JUMPOUT_FLOAT32;
  size_t length = 0;
  uint64_t row = 0;  // elements that share a rate; 0: all
};

struct Memory {
  Memory(const device_tests::Device& device, size_t bytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  const device_tests::Device& device;
  void* at = nullptr;
};

class Workload {
 public:
  Workload(const device_tests::Device& device, const Shape& shape);

  // Copies, our passes, and cuDNN's where there is one that takes the dtype.
  std::vector<Contender> contenders(Cudnn* cudnn);

  // Forward as it is done now, and by each way that can take this shape (borders.hpp); checked here.
  std::vector<Contender> ways();

  // Throws where a pass is wrong: poisoned outputs, whole small tensors, windows of large ones.
  void check();

 private:
  struct Options {
    bool relu = false, counted = false, from_seed = false;
  };
  void forward(Options options);
  void backward(Options options);
  void reluThen(Cudnn& cudnn);
  void cudnnThenRelu(Cudnn& cudnn);
  void addCudnn(Cudnn& cudnn, std::vector<Contender>& list);
  void requireRight(Options options);
  device_tests::Case window(size_t first, size_t length, Options options) const;
  void poison(const Memory& memory, size_t bytes);

  const device_tests::Device& device_;
  Shape shape_;
  size_t bytes_, groups_, mask_bytes_;
  std::vector<uint32_t> tile_;  // what the input repeats
  uint64_t active_ = 0;
  Memory input_, output_, between_, mask_, records_, counts_;
  uint64_t call_ = 0;
};

}  // namespace gpu_bench
