// Devices of jumpout_cuda.h.
#include <algorithm>
#include <cstring>

#include "core/failure.hpp"
#include "cuda/cuda_support.hpp"
#include "cuda/runtime/errors.hpp"
#include "jumpout_cuda.h"

using namespace jumpout;
using namespace jumpout::cuda;

int32_t jumpout_cuda_device_count(void) { return support().devices; }

jumpout_status jumpout_cuda_device_of(int32_t device, jumpout_cuda_device* found) {
  if (!found) return failing(JUMPOUT_NULL_POINTER, "found");
  *found = {};
  int32_t number = -1;
  if (const jumpout_status status = deviceOf(device, number)) return status;
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, number)) return statusOf(error);
  std::memcpy(found->name, properties.name, std::min(sizeof found->name, sizeof properties.name) - 1);
  found->compute_major = properties.major;
  found->compute_minor = properties.minor;
  found->multiprocessors = properties.multiProcessorCount;
  found->memory_bytes = properties.totalGlobalMem;
  found->l2_bytes = static_cast<uint64_t>(properties.l2CacheSize);
  return JUMPOUT_OK;
}
