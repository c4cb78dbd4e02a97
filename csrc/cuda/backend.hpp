// The CUDA backend: arguments that dispatch has checked, enqueued on their stream; results to the bit of docs/numerics.md.
#pragma once

#include "jumpout.h"

namespace jumpout::cuda {

jumpout_status forward(const jumpout_device_forward_args& args) noexcept;
jumpout_status backward(const jumpout_device_backward_args& args) noexcept;
jumpout_status countActive(const jumpout_device_count_args& args) noexcept;

}  // namespace jumpout::cuda
