// What kernels need beyond CUDA's keywords, so that a CPU can run the very same sources (tools/cuda-on-cpu).
#pragma once

#include <cuda_runtime.h>

#include <cooperative_groups.h>

#include <cstdint>

#if !defined(JUMPOUT_CUDA_ON_CPU)
#define SHARED_ARRAY(Type, name, count) __shared__ Type name[count]
#define DYN_SHARED(Type, name) extern __shared__ Type name[]
#endif

namespace jumpout::cuda {

inline constexpr int kWarp = 32;
inline constexpr uint32_t kAllLanes = 0xffffffffu;

// Threads that a multiprocessor holds: 2048, but fewer on compute capability 7.5, 8.6, 8.9 and 12.0.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
inline constexpr int kResidentThreads = 1024;
#elif defined(__CUDA_ARCH__) && ((__CUDA_ARCH__ > 800 && __CUDA_ARCH__ < 900) || __CUDA_ARCH__ >= 1200)
inline constexpr int kResidentThreads = 1536;
#else
inline constexpr int kResidentThreads = 2048;
#endif

// For __launch_bounds__: so many resident blocks, or as many as a multiprocessor has threads for.
constexpr int residentBlocks(int threads, int wanted) {
  return wanted * threads <= kResidentThreads ? wanted : kResidentThreads / threads;
}

__device__ inline int laneIndex() { return static_cast<int>(threadIdx.x) % kWarp; }
__device__ inline int warpIndex() { return static_cast<int>(threadIdx.x) / kWarp; }
// Of the whole grid.
__device__ inline uint64_t gridWarps() { return uint64_t{gridDim.x} * (blockDim.x / kWarp); }
__device__ inline uint64_t gridWarpIndex() {
  return uint64_t{blockIdx.x} * (blockDim.x / kWarp) + warpIndex();
}

// CUDA's 64-bit atomics take unsigned long long, which is another type than uint64_t on Linux.
static_assert(sizeof(unsigned long long) == sizeof(uint64_t));

__device__ inline uint64_t atomicAdd64(uint64_t* to, uint64_t value) {
  return atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
}

// For words that other blocks are changing: reads memory each time, and races with no write, as no plain load promises.
__device__ inline uint64_t polled(const uint64_t* word) {
#ifdef __CUDA_ARCH__
  uint64_t value;
  asm volatile("ld.relaxed.gpu.u64 %0, [%1];" : "=l"(value) : "l"(word) : "memory");
  return value;
#else
  return __ldcv(reinterpret_cast<const unsigned long long*>(word));
#endif
}

// Programmatic dependent launch. A next kernel that was launched for it may begin once all blocks of this one have
// come here; waitForLastKernel there waits until this one is done and its writes are visible. No-ops before sm_90.
__device__ inline void letNextKernelBegin() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}

__device__ inline void waitForLastKernel() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}

// Writes a word that `polled` reads.
__device__ inline void publish(uint64_t* word, uint64_t value) {
  __stcg(reinterpret_cast<unsigned long long*>(word), static_cast<unsigned long long>(value));
}

__device__ inline uint32_t warpSum(uint32_t value) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  return __reduce_add_sync(kAllLanes, value);
#else
  for (int distance = kWarp / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(kAllLanes, value, distance);
  return value;
#endif
}

}  // namespace jumpout::cuda
