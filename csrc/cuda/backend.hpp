// The CUDA backend: enqueues calls that csrc/api has checked. Results are those of docs/numerics.md, to the bit.
#pragma once

#include "cuda/borders.hpp"
#include "jumpout.h"

namespace jumpout::cuda {

// `taken` may be nullptr.
jumpout_status forward(const jumpout_device_forward_args& args, const Policy& policy = {},
                       Taken* taken = nullptr) noexcept;
jumpout_status backward(const jumpout_device_backward_args& args, const Policy& policy = {},
                        Taken* taken = nullptr) noexcept;
jumpout_status countActive(const jumpout_device_count_args& args, const Policy& policy = {}) noexcept;

// Elements of the longest row, or tensor, that a way can hold on a device whatever the borders; 0: it cannot run.
jumpout_status capacityOf(Way way, jumpout_dtype dtype, int32_t device, const Policy& policy,
                          uint64_t& elements) noexcept;

}  // namespace jumpout::cuda
