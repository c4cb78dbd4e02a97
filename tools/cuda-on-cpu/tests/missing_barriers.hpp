// Two wrong kernels of both lists of mutants: some order of threads shows them, and so does ThreadSanitizer.
#pragma once

#include <cuda_runtime.h>

namespace cases {

__global__ inline void missingBarrier(int* out) {
  SHARED_ARRAY(int, values, 64);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  out[threadIdx.x] = values[63 - threadIdx.x];
}

__global__ inline void missingWarpBarrier(int* out) {
  SHARED_ARRAY(int, values, 32);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  out[threadIdx.x] = values[31 - threadIdx.x];
}

}  // namespace cases
