// A few numbers written to device memory by the launch that carries them.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace jumpout::cuda {

cudaError_t storeValues(uint64_t* to, const uint64_t* values, size_t count, cudaStream_t stream) noexcept;

}  // namespace jumpout::cuda
