// The environment variables of this library, read once per process.
#pragma once

#include <memory>
#include <string>

#include "cpu/backend.hpp"
#include "jumpout.h"

namespace jumpout {

struct Environment {
  jumpout_status status = JUMPOUT_OK;
  std::string complaint;  // the variable, its value and the values it may have; empty for JUMPOUT_OK
  std::unique_ptr<cpu::Backend> cpu;
};

// JUMPOUT_CPU_ISA: an instruction set to use instead of the best. JUMPOUT_NUM_THREADS: 1 to 256; default: one per
// processor that the process may use (cpu/processors.hpp), at most 16. Never destroyed: its threads outlive every static
// object.
const Environment& environment();

}  // namespace jumpout
