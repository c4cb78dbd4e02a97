// The C API on a device.
#include "api/call.hpp"
#include "core/rate.hpp"
#include "cuda/backend.hpp"
#include "jumpout_cuda.h"

using namespace jumpout;

jumpout_status jumpout_device_forward(const jumpout_device_forward_args* args) {
  return call(args, [&](cpu::Backend&) { return cuda::forward(*args); });
}

jumpout_status jumpout_device_backward(const jumpout_device_backward_args* args) {
  return call(args, [&](cpu::Backend&) { return cuda::backward(*args); });
}

jumpout_status jumpout_device_count_active(const jumpout_device_count_args* args) {
  return call(args, [&](cpu::Backend&) { return cuda::countActive(*args); });
}

jumpout_status jumpout_device_identity(const jumpout_device_identity_args* args) {
  return call(args, [&](cpu::Backend&) {
    if (args->input == args->output) return JUMPOUT_OK;
    return jumpout_cuda_copy(args->device, args->output, args->input, args->length * bytesOf(args->dtype),
                             args->stream);
  });
}

jumpout_group jumpout_group_of_record(const jumpout_record* record) {
  if (!record) return {};
  return {static_cast<double>(record->active), static_cast<double>(record->total), record->rate,
          rateOfThreshold(record->threshold), static_cast<double>(record->scale)};
}
