// Named cases, each run in a process of its own, and arrays on a device, for the test programs.
//
//   PROGRAM --list     every case: its name, the build that must see what is wrong with it, and the words for it
//   PROGRAM NAME       exit status 0: success; 1: an error of CUDA; 2: a wrong result
#pragma once

#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace cases {

struct Case {
  const char* name;
  // any, address or thread: in every order of threads; order: in some order, by a wrong result; control: nothing is wrong.
  const char* build;
  const char* reason;  // in what is then said; of a control: the environment it needs
  bool (*run)();       // whether the results are right
};

inline bool wellDone(cudaError_t error) {
  if (error != cudaSuccess) std::fprintf(stderr, "%s\n", cudaGetErrorName(error));
  return error == cudaSuccess;
}

struct Launch {
  dim3 grid = 1, block = 32;
  size_t dynamicBytes = 0;
  bool cooperative = false;
  unsigned cluster = 0;
  bool overlaps = false;
};

template <class... Parameters, class... Arguments>
void launch(const Launch& shape, void (*kernel)(Parameters...), Arguments... arguments) {
  cudaLaunchAttribute attributes[3] = {};
  cudaLaunchConfig_t config = {};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.dynamicBytes;
  config.attrs = attributes;
  if (shape.cooperative) {
    attributes[config.numAttrs].id = cudaLaunchAttributeCooperative;
    attributes[config.numAttrs++].val.cooperative = 1;
  }
  if (shape.cluster != 0) {
    attributes[config.numAttrs].id = cudaLaunchAttributeClusterDimension;
    attributes[config.numAttrs++].val.clusterDim = {shape.cluster, 1, 1};
  }
  if (shape.overlaps) {
    attributes[config.numAttrs].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[config.numAttrs++].val.programmaticStreamSerializationAllowed = 1;
  }
  wellDone(cudaLaunchKernelEx(&config, kernel, arguments...));
}

// An array on the current device.
template <class T>
class Array {
 public:
  explicit Array(size_t size, T value = T{}) : Array(std::vector<T>(size, value)) {}
  explicit Array(const std::vector<T>& values) : size_(values.size()) {
    wellDone(cudaMalloc(&data_, size_ * sizeof(T)));
    wellDone(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~Array() { cudaFree(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  T* data() const { return data_; }
  std::vector<T> read() const {
    std::vector<T> values(size_);
    if (!wellDone(cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost)))
      values.clear();
    return values;
  }

 private:
  T* data_ = nullptr;
  size_t size_;
};

template <class Value>
std::vector<int> expected(int size, Value value) {
  std::vector<int> values(static_cast<size_t>(size));
  for (int i = 0; i < size; ++i) values[static_cast<size_t>(i)] = value(i);
  return values;
}

// ---- Cases of kernels that take one array ----------------------------------------------------------------------

template <void (*kernel)(int*), unsigned grid = 1, unsigned block = 32>
bool simple() {
  Array<int> out(64);
  launch({grid, block}, kernel, out.data());
  out.read();
  return true;
}

template <void (*kernel)(int*), unsigned block>
bool reversing() {
  Array<int> out(block);
  launch({1, block}, kernel, out.data());
  return out.read() == expected(block, [](int i) { return static_cast<int>(block) - 1 - i; });
}

template <void (*kernel)(int*)>
bool inCluster() {
  Array<int> out(64);
  launch({2, 32, 0, false, 2}, kernel, out.data());
  return true;
}

// ---- The program ------------------------------------------------------------------------------------------------

template <size_t count>
int run(const Case (&all)[count], int argc, char** argv) {
  const std::string name = argc == 2 ? argv[1] : "";
  for (const Case& each : all) {
    if (name == "--list") std::printf("%s\t%s\t%s\n", each.name, each.build, each.reason);
    if (name != each.name) continue;
    const bool right = each.run();
    const cudaError_t error = cudaDeviceSynchronize();
    if (error != cudaErrorNoDevice && !wellDone(error)) return 1;
    if (!right) std::fprintf(stderr, "wrong result\n");
    return right ? 0 : 2;
  }
  if (name == "--list") return 0;
  std::fprintf(stderr, "no such case: '%s'\n", name.c_str());
  return 3;
}

}  // namespace cases
