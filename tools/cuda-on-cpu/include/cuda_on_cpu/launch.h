// cudaLaunchKernelEx and other functions that take a kernel by its type.
#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cuda_on_cpu/calls.h"
#include "cuda_runtime_api.h"

namespace cuda_on_cpu {

// `run` is the kernel with its arguments, by value; `kernel` names it for its attributes.
cudaError_t launch(const cudaLaunchConfig_t* config, const void* kernel, std::function<void()> run);

// The running thread has its own copy of the kernel's parameters: the host may free those of the launch.
void parametersRead();

template <class... Parameters>
const void* addressOf(void (*kernel)(Parameters...)) {
  return reinterpret_cast<const void*>(kernel);
}

}  // namespace cuda_on_cpu

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments), "one argument for each parameter");
  const cuda_on_cpu::CallInProgress inside;
  std::tuple<std::decay_t<Parameters>...> values(std::forward<Arguments>(arguments)...);
  return cuda_on_cpu::launch(config, cuda_on_cpu::addressOf(kernel), [kernel, values] {
    std::apply(
        [kernel](std::decay_t<Parameters>... own) {
          cuda_on_cpu::parametersRead();
          kernel(own...);
        },
        values);
  });
}

template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(cuda_on_cpu::addressOf(kernel), attribute, value);
}
template <class... Parameters>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*kernel)(Parameters...)) {
  return cudaFuncGetAttributes(attributes, cuda_on_cpu::addressOf(kernel));
}
template <class... Parameters>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void (*kernel)(Parameters...),
                                                          int blockSize, size_t dynamicBytes) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, cuda_on_cpu::addressOf(kernel), blockSize,
                                                       dynamicBytes);
}
template <class... Parameters>
cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, void (*kernel)(Parameters...),
                                           const cudaLaunchConfig_t* config) {
  return cudaOccupancyMaxActiveClusters(clusters, cuda_on_cpu::addressOf(kernel), config);
}
