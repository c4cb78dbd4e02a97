// Attributes of functions that are compiled for the host and for devices.
#pragma once

#if defined(__CUDACC__)
#define JUMPOUT_HD __host__ __device__
// Keeps calls of the mathematical library out of line, so that scripts/check-kernels.js finds fused multiply-adds of our
// own code alone.
#if defined(JUMPOUT_LIBRARY_APART)
#define JUMPOUT_APART __noinline__
#else
#define JUMPOUT_APART
#endif
#define JUMPOUT_HD_APART __host__ __device__ JUMPOUT_APART
#else
#define JUMPOUT_HD
#define JUMPOUT_HD_APART
#endif
