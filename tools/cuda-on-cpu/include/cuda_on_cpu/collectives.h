// Barriers and warp collectives. Each blocks its thread until all participants have arrived.
#pragma once

#include <cstdint>
#include <cstring>

#include "cuda_on_cpu/language.h"

namespace cuda_on_cpu {

enum class Operation : int {
  kNone,
  kBarrier,
  kCountingBarrier,
  kGridBarrier,
  kClusterBarrier,
  kClusterArrival,
  kClusterWait,
  kWarpBarrier,
  kVote,
  kShuffle,
  kShuffleUp,
  kShuffleDown,
  kShuffleXor,
  kMatch,
  kAdd,
  kMin,
  kMax,
  kAnd,
  kOr,
  kXor,
  kSleep,
};

struct Place {
  const char* file = "";
  int line = 0;
  const void* code = nullptr;  // of a barrier: all threads must come by the same
};

// Barriers are expanded where they are used, and hand on where that is: the label of each copy has an address of its own,
// which the compiler keeps where it copies the code once more.
#define CUDA_ON_CPU_EXPANDED __attribute__((always_inline)) inline
#define CUDA_ON_CPU_HERE \
  ::cuda_on_cpu::Place { file_, line_, __extension__&& here }

// The number of threads whose predicate holds.
int blockBarrier(Operation operation, bool predicate, const Place& place);
void gridBarrier(const Place& place);
void clusterBarrier(const Place& place);
// Arrive and wait; a relaxed arrival, without release, orders no memory.
void clusterArrive(bool releases, const char* file, int line);
void clusterWait(const char* file, int line);
void waitForKernelBefore();
// The result for this lane. `argument` and `width` are those of a shuffle.
uint64_t warpCollective(Operation operation, unsigned mask, uint64_t value, int argument, int width,
                        const char* file, int line);
void warpBarrier(unsigned mask, const char* file, int line);

template <class T>
T shuffle(Operation operation, unsigned mask, T value, int argument, int width, const char* file, int line) {
  static_assert(sizeof(T) <= sizeof(uint64_t), "a shuffle moves at most 8 bytes");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = warpCollective(operation, mask, bits, argument, width, file, line);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline unsigned reduce(Operation operation, unsigned mask, unsigned value, const char* file, int line) {
  return static_cast<unsigned>(warpCollective(operation, mask, value, 0, warpSize, file, line));
}

}  // namespace cuda_on_cpu

// ---- Blocks ----------------------------------------------------------------------------------------------------

CUDA_ON_CPU_EXPANDED void __syncthreads(CUDA_ON_CPU_PLACE) {
here:
  cuda_on_cpu::blockBarrier(cuda_on_cpu::Operation::kBarrier, false, CUDA_ON_CPU_HERE);
}
CUDA_ON_CPU_EXPANDED int __syncthreads_count(int predicate, CUDA_ON_CPU_PLACE) {
here:
  return cuda_on_cpu::blockBarrier(cuda_on_cpu::Operation::kCountingBarrier, predicate != 0,
                                   CUDA_ON_CPU_HERE);
}
CUDA_ON_CPU_EXPANDED int __syncthreads_or(int predicate, CUDA_ON_CPU_PLACE) {
  return __syncthreads_count(predicate, file_, line_) != 0;
}
CUDA_ON_CPU_EXPANDED int __syncthreads_and(int predicate, CUDA_ON_CPU_PLACE) {
  return __syncthreads_count(predicate == 0, file_, line_) == 0;
}

// ---- Kernels that overlap --------------------------------------------------------------------------------------
// They run one after the other; until one has waited for the other, ThreadSanitizer takes them for unordered.

inline void cudaTriggerProgrammaticLaunchCompletion() {}
inline void cudaGridDependencySynchronize() { cuda_on_cpu::waitForKernelBefore(); }

// ---- Clusters --------------------------------------------------------------------------------------------------

inline void __cluster_barrier_arrive(CUDA_ON_CPU_PLACE) { cuda_on_cpu::clusterArrive(true, file_, line_); }
inline void __cluster_barrier_arrive_relaxed(CUDA_ON_CPU_PLACE) {
  cuda_on_cpu::clusterArrive(false, file_, line_);
}
inline void __cluster_barrier_wait(CUDA_ON_CPU_PLACE) { cuda_on_cpu::clusterWait(file_, line_); }

// ---- Warps -----------------------------------------------------------------------------------------------------

inline void __syncwarp(unsigned mask = 0xffffffffu, CUDA_ON_CPU_PLACE) {
  cuda_on_cpu::warpBarrier(mask, file_, line_);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, CUDA_ON_CPU_PLACE) {
  return static_cast<unsigned>(cuda_on_cpu::warpCollective(cuda_on_cpu::Operation::kVote, mask,
                                                           predicate != 0, 0, warpSize, file_, line_));
}
inline int __any_sync(unsigned mask, int predicate, CUDA_ON_CPU_PLACE) {
  return __ballot_sync(mask, predicate, file_, line_) != 0;
}
inline int __all_sync(unsigned mask, int predicate, CUDA_ON_CPU_PLACE) {
  return __ballot_sync(mask, predicate, file_, line_) == mask;
}

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = warpSize, CUDA_ON_CPU_PLACE) {
  return cuda_on_cpu::shuffle(cuda_on_cpu::Operation::kShuffle, mask, value, lane, width, file_, line_);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize, CUDA_ON_CPU_PLACE) {
  return cuda_on_cpu::shuffle(cuda_on_cpu::Operation::kShuffleUp, mask, value, static_cast<int>(delta), width,
                              file_, line_);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize, CUDA_ON_CPU_PLACE) {
  return cuda_on_cpu::shuffle(cuda_on_cpu::Operation::kShuffleDown, mask, value, static_cast<int>(delta),
                              width, file_, line_);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int laneMask, int width = warpSize, CUDA_ON_CPU_PLACE) {
  return cuda_on_cpu::shuffle(cuda_on_cpu::Operation::kShuffleXor, mask, value, laneMask, width, file_,
                              line_);
}

template <class T>
unsigned __match_any_sync(unsigned mask, T value, CUDA_ON_CPU_PLACE) {
  return static_cast<unsigned>(cuda_on_cpu::shuffle<uint64_t>(
      cuda_on_cpu::Operation::kMatch, mask, static_cast<uint64_t>(value), 0, warpSize, file_, line_));
}

inline unsigned __reduce_add_sync(unsigned mask, unsigned value, CUDA_ON_CPU_PLACE) {
  return cuda_on_cpu::reduce(cuda_on_cpu::Operation::kAdd, mask, value, file_, line_);
}
inline int __reduce_add_sync(unsigned mask, int value, CUDA_ON_CPU_PLACE) {
  return static_cast<int>(__reduce_add_sync(mask, static_cast<unsigned>(value), file_, line_));
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value, CUDA_ON_CPU_PLACE) {
  return cuda_on_cpu::reduce(cuda_on_cpu::Operation::kMin, mask, value, file_, line_);
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value, CUDA_ON_CPU_PLACE) {
  return cuda_on_cpu::reduce(cuda_on_cpu::Operation::kMax, mask, value, file_, line_);
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value, CUDA_ON_CPU_PLACE) {
  return cuda_on_cpu::reduce(cuda_on_cpu::Operation::kAnd, mask, value, file_, line_);
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value, CUDA_ON_CPU_PLACE) {
  return cuda_on_cpu::reduce(cuda_on_cpu::Operation::kOr, mask, value, file_, line_);
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value, CUDA_ON_CPU_PLACE) {
  return cuda_on_cpu::reduce(cuda_on_cpu::Operation::kXor, mask, value, file_, line_);
}
