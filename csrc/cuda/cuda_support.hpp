// Whether CUDA can be used, and if not, why. One of probe.cu (with nvcc) and stand_in.cpp (without) implements it.
#pragma once

namespace jumpout::cuda {

struct Support {
  bool compiled;       // this build was made with a CUDA compiler
  bool available;      // and tensors can live on a device of this machine
  const char* reason;  // why not, in words; nullptr if available. Lives as long as the process.
};

// Asks the driver at the first call only: loading the library initialises nothing.
Support support();

}  // namespace jumpout::cuda
