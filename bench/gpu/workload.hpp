// Arrays of one size and dtype on the device, the contenders over them, and the checks before timing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "conform.hpp"
#include "cudnn.hpp"
#include "forced_ways.hpp"
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

// The contender of `ways` that the library chooses itself.
inline constexpr const char* kAsNow = "as now";

class Workload {
 public:
  Workload(const device_tests::Device& device, const Shape& shape);

  // Forward as it is done now, and by each way that can hold this shape (borders.hpp).
  std::vector<Contender> ways();

  // Passes that are wrong, and how.
  using Faults = std::map<std::string, std::string>;

  // Copies, our passes, and cuDNN's if it takes the dtype; a fault of cuDNN's is reported with it.
  std::vector<Contender> contenders(Cudnn* cudnn, Faults& faults);

  // Poisoned outputs, whole small tensors, windows of large ones. Throws DeviceFailure.
  Faults check();
  Faults checkWays();

 private:
  struct Options {
    bool relu = false, counted = false, from_seed = false;
  };
  Taken forward(Options options, const device_tests::Policy& policy = {});
  Taken backward(Options options);
  static std::string forwardName(Options options);
  static std::string backwardName(Options options);
  bool asks(const device_tests::ForcedWay& forced) const;
  void reluThen(Cudnn& cudnn);
  void cudnnThenRelu(Cudnn& cudnn);
  void addCudnn(Cudnn& cudnn, std::vector<Contender>& list, Faults& faults);
  // The ways that forward and backward took. Wrong results go into `faults`, under the name of the pass.
  Taken verify(Options options, const device_tests::Policy& policy, const std::string& forward_name,
               Faults& faults);
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
