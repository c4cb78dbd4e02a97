// How many threads the system lets this process keep busy.
#pragma once

#include <string>

namespace jumpout::cpu {

// Processors that the calling thread may run on, and no more than the quota of the process's control groups; at least 1.
unsigned availableProcessors();

inline constexpr unsigned kNoQuota = ~0u;

// Whole processors that the control groups (Linux, versions 1 and 2) grant: the least quota of the process's group and its
// ancestors as far as they are mounted, rounded down, at least 1; kNoQuota where there is none that can be read. `root` is
// put in front of every path that is read.
unsigned cgroupQuota(const std::string& root = "");

}  // namespace jumpout::cpu
