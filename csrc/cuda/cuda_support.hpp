// Whether CUDA can be used, and if not, why. In runtime/support.cpp, or in stand_in.cpp where CUDA is left out.
#pragma once

#include <cstdint>

#include "jumpout.h"

namespace jumpout::cuda {

struct Support {
  bool compiled;  // this build has the kernels
  jumpout_status
      status;          // JUMPOUT_OK: tensors can live on a device of this machine; else what a call returns
  const char* reason;  // why not, or on which devices, or nullptr. Lives as long as the process.
  int32_t devices;     // 0 if there is none
};

// Asks the driver at the first call only: loading the library initialises nothing. Where memory runs out, the next call asks
// again.
Support support() noexcept;

// Whether the device exists (-1: the current one) and the stream is one of its own; if not, names the argument.
jumpout_status checkPlace(int32_t device, void* stream) noexcept;

}  // namespace jumpout::cuda
