// Where a pointer points, as CUDA knows it.
#pragma once

#include "cuda/runtime/errors.hpp"
#include "jumpout_cuda.h"

namespace jumpout::cuda {

cudaError_t kindOf(const void* pointer, jumpout_memory& memory) noexcept;

}  // namespace jumpout::cuda
