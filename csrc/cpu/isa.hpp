// Which instruction sets this build carries and this processor has.
#pragma once

#include <string_view>

#include "cpu/kernels.hpp"

namespace jumpout::cpu {

struct Isa {
  const char* name;
  const Kernels* kernels;
  bool (*supported)();
};

// The fastest set that runs here.
const Isa& bestIsa();

// The set of that name, or nullptr if this build does not carry it or the processor lacks it.
const Isa* findIsa(std::string_view name);

// Bytes of the last-level cache; a common size where it is unknown.
size_t lastLevelCacheBytes();

}  // namespace jumpout::cpu
