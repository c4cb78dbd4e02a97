// Keywords and built-in variables of CUDA C++. There is no __shared__: kernels write SHARED_ARRAY and DYN_SHARED.
#pragma once

#include <cstddef>

#include "cuda_on_cpu/types.h"

// Flattened: all that a kernel calls is expanded in it, so that each use of a barrier has machine code of its own.
#define __global__ __attribute__((flatten))
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

// Set whenever a CUDA thread is switched to; a CUDA thread never leaves its operating system thread.
inline thread_local uint3 threadIdx{}, blockIdx{};
inline thread_local dim3 blockDim{}, gridDim{};
constexpr int warpSize = 32;

namespace cuda_on_cpu {

// Where in a kernel: the default arguments of every intrinsic, for messages.
#define CUDA_ON_CPU_PLACE const char *file_ = __builtin_FILE(), int line_ = __builtin_LINE()

// One address per declaration, which names it among the arrays of a block.
template <class Declaration>
inline constexpr char sharedArrayTag = 0;

// The block's own copy; made, on the heap and filled with 0xFF, by the first thread that comes by.
void* sharedArray(const void* tag, size_t bytes, size_t alignment);
void* dynamicSharedMemory();

}  // namespace cuda_on_cpu

#define SHARED_ARRAY(T, name, n)                                                                             \
  struct SharedArray_##name;                                                                                 \
  T(&name)                                                                                                   \
  [n] = *static_cast<T(*)[n]>(::cuda_on_cpu::sharedArray(&::cuda_on_cpu::sharedArrayTag<SharedArray_##name>, \
                                                         sizeof(T) * (n), alignof(T)))
#define DYN_SHARED(T, name) T* const name = static_cast<T*>(::cuda_on_cpu::dynamicSharedMemory())
