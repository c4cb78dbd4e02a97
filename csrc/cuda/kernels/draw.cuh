// From a count to a record, on the device (docs/numerics.md, 2-5), and the device-side call counter.
#pragma once

#include "core/rate.hpp"
#include "cuda/kernels/language.cuh"
#include "cuda/kernels/passes.hpp"
#if defined(JUMPOUT_HAVE_CURAND) && defined(__CUDACC__)
#include <curand_kernel.h>
#endif

namespace jumpout::cuda {

#if defined(JUMPOUT_HAVE_CURAND) && defined(__CUDACC__)
// curand_init and curand_normal2_double, the first of the pair.
__device__ JUMPOUT_APART inline double normalOfCurand(uint64_t seed, uint64_t subsequence, uint64_t block) {
  curandStatePhilox4_32_10_t state;
  curand_init(seed, subsequence, 4 * block, &state);
  return curand_normal2_double(&state).x;
}
#endif

// The portable twin is core's drawNormal, the same to the bit.
__device__ inline double drawNormalOnDevice(uint64_t seed, uint64_t call, uint64_t group) {
#if defined(JUMPOUT_HAVE_CURAND) && defined(__CUDACC__)
  return normalOfCurand(seed, rateSubsequence(call), group);
#else
  return drawNormal(seed, call, group);
#endif
}

// A counter stops after the last call, which is then repeated: nothing here can refuse it.
__device__ inline uint64_t callOf(const Draw& draw) {
  if (!draw.call_counter) return draw.call;
  const uint64_t next = polled(draw.call_counter);
  if (next < kLastCall) return next;
  return kLastCall;
}

// I: needs no count, so it can be drawn while the count is still being made.
__device__ inline double drawBaseRate(const Draw& draw, uint64_t call, uint64_t group) {
  return baseRate(draw.options, drawsRate(draw.options) ? drawNormalOnDevice(draw.seed, call, group) : 0.0);
}

// II and III. Kernels that hold elements on the chip take exact exponents only: pow would spill registers.
template <bool kExactExponent = false>
__device__ inline jumpout_record recordOf(const Draw& draw, uint64_t call, double base_rate,
                                          uint64_t active) {
  if (draw.total == 0) return {0, 0, 0.0, 0, 1.0f, draw.seed, call};
  const double rate =
      normalizedRate(draw.options, base_rate, static_cast<double>(active), static_cast<double>(draw.total));
  const uint32_t threshold = thresholdOfRate(rate);
  const double applied = rateOfThreshold(threshold);
  const float scale = kExactExponent ? exactScale(applied, draw.options.exponent)
                                     : survivorScale(applied, draw.options.exponent);
  return {active, draw.total, base_rate, threshold, scale, draw.seed, call};
}

// What a record decides about each element.
struct Decision {
  uint32_t threshold;
  float scale;
};

__device__ inline Decision decisionOf(const jumpout_record& record) {
  return {record.threshold, record.scale};
}

// Called by one thread of each block, after the block has read the counter and the count for the last time. The
// last block leaves both ready for the next call.
__device__ inline void finishDraw(const Draw& draw, uint64_t call, Workspace* workspace) {
  const bool owns_count = draw.active == &workspace->sum;
  if (!draw.call_counter && !owns_count) return;
  __threadfence();  // the atomic alone would not keep the block's reads before it
  if (atomicInc(&workspace->ticket, gridDim.x - 1) != gridDim.x - 1) return;
  __threadfence();
  if (draw.call_counter) *draw.call_counter = call + 1;
  if (owns_count) workspace->sum = 0;
}

}  // namespace jumpout::cuda
