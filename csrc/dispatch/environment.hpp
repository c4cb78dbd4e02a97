// What the environment asks of this process, read once.
#pragma once

#include <string>

#include "cpu/backend.hpp"
#include "jumpout.h"

namespace jumpout {

struct Environment {
  jumpout_status status = JUMPOUT_OK;
  std::string complaint;        // the variable, what it held and what it may hold; empty if all is well
  cpu::Backend* cpu = nullptr;  // leaked on purpose: its threads outlive every static object
};

// JUMPOUT_CPU_ISA: an instruction set to use instead of the best. JUMPOUT_NUM_THREADS: 1 to 256, default one a core.
const Environment& environment();

}  // namespace jumpout
