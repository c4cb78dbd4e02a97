// The C API on a device.
#include "api/call.hpp"
#include "core/rate.hpp"
#include "cuda/backend.hpp"
#include "jumpout_cuda.h"

using namespace jumpout;

jumpout_status jumpout_device_forward(const jumpout_device_forward_args* args) {
  return call(args, [](const auto& own, cpu::Backend&) { return cuda::forward(own); });
}

jumpout_status jumpout_device_backward(const jumpout_device_backward_args* args) {
  return call(args, [](const auto& own, cpu::Backend&) { return cuda::backward(own); });
}

jumpout_status jumpout_device_count_active(const jumpout_device_count_args* args) {
  return call(args, [](const auto& own, cpu::Backend&) { return cuda::countActive(own); });
}

jumpout_status jumpout_device_identity(const jumpout_device_identity_args* args) {
  return call(args, [](const auto& own, cpu::Backend&) {
    if (own.input == own.output) return JUMPOUT_OK;
    return jumpout_cuda_copy(own.device, own.output, own.input, own.length * bytesOf(own.dtype), own.stream);
  });
}

jumpout_group jumpout_group_of_record(const jumpout_record* record) {
  if (!record) return {};
  const cpu::StandardFloats standard;
  return {static_cast<double>(record->active), static_cast<double>(record->total), record->rate,
          rateOfThreshold(record->threshold), static_cast<double>(record->scale)};
}
