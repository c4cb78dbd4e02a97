// Checks of the runtime API, each named by its line.
#pragma once

#include <atomic>

#include "cases.hpp"

namespace checks {

inline std::atomic<bool> right{true};  // everything in this case so far

#define CHECK(condition) \
  if (!(condition)) right = false, std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition)
#define GIVES(call, error) is((call), error, __FILE__, __LINE__, #call)

inline void is(cudaError_t given, cudaError_t wanted, const char* file, int line, const char* call) {
  if (given == wanted) return;
  right = false;
  std::fprintf(stderr, "%s:%d: %s gives %s, not %s\n", file, line, call, cudaGetErrorName(given),
               cudaGetErrorName(wanted));
}

template <void (*body)()>
bool checked() {
  right = true;
  body();
  cudaGetLastError();
  return right;
}

__global__ inline void addOne(int* out) { out[threadIdx.x] += 1; }
inline cudaError_t launch(void (*kernel)(int*), int* out, cudaStream_t stream = nullptr, dim3 grid = 1,
                          dim3 block = 32, size_t dynamicBytes = 0, int cooperative = 0,
                          unsigned cluster = 0) {
  cudaLaunchAttribute attributes[2] = {};
  attributes[0].id = cudaLaunchAttributeCooperative;
  attributes[0].val.cooperative = cooperative;
  attributes[1].id = cudaLaunchAttributeClusterDimension;
  attributes[1].val.clusterDim = {cluster, 1, 1};
  const cudaLaunchConfig_t config = {grid, block, dynamicBytes, stream, attributes, cluster == 0 ? 1u : 2u};
  return cudaLaunchKernelEx(&config, kernel, out);
}

// 32 numbers on the current device.
struct Numbers {
  int* data = nullptr;
  explicit Numbers(int value = 0) {
    const std::vector<int> values(32, value);
    GIVES(cudaMalloc(&data, sizeof(int) * 32), cudaSuccess);
    GIVES(cudaMemcpy(data, values.data(), sizeof(int) * 32, cudaMemcpyHostToDevice), cudaSuccess);
  }
  ~Numbers() { cudaFree(data); }
  int at(int i) const {
    int value = -1;
    GIVES(cudaMemcpy(&value, data + i, sizeof value, cudaMemcpyDeviceToHost), cudaSuccess);
    return value;
  }
};

}  // namespace checks
