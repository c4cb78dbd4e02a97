// A few numbers written to device memory, carried by the parameters of the launch, 256 at a time.
//
// Shapes: to [count] of uint64. Bytes per number: 8 written. Registers on sm_90: 10. No shared memory.
#include "cuda/kernels/store.hpp"

#include <algorithm>

#include "cuda/kernels/launch.hpp"

namespace jumpout::cuda {
namespace {

constexpr unsigned kValuesOfLaunch = 256;  // half of the 4 KiB that parameters may take everywhere

struct Values {
  uint64_t value[kValuesOfLaunch];
};

__global__ void __launch_bounds__(kValuesOfLaunch)
    storeKernel(uint64_t* to, const __grid_constant__ Values values, unsigned count) {
  if (threadIdx.x < count) to[threadIdx.x] = values.value[threadIdx.x];
}

}  // namespace

cudaError_t storeValues(uint64_t* to, const uint64_t* values, size_t count, cudaStream_t stream) noexcept {
  for (size_t done = 0; done < count; done += kValuesOfLaunch) {
    const unsigned now = static_cast<unsigned>(std::min<size_t>(count - done, kValuesOfLaunch));
    Values carried = {};
    std::copy_n(values + done, now, carried.value);
    const unsigned threads = (now + 31) / 32 * 32;
    if (const cudaError_t error = launch({1, threads}, stream, storeKernel, to + done, carried, now))
      return error;
  }
  return cudaSuccess;
}

}  // namespace jumpout::cuda
