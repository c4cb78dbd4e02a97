// How a kernel is run, for the runtime API: the machine behind it is not to be seen from there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "cuda_on_cpu/language.h"

namespace cuda_on_cpu {

struct Shape {
  dim3 grid, block;
  unsigned clusterBlocks = 1;
  bool cooperative = false;
  bool overlaps = false;  // may begin before the kernel before it is done
  size_t dynamicBytes = 0;
  size_t dynamicLimit = 0;  // what the kernel's attribute allows, or 0 for what is left of the static limit

  unsigned threads() const { return block.x * block.y * block.z; }
  unsigned warps() const { return (threads() + warpSize - 1) / warpSize; }
  uint64_t blocks() const { return uint64_t{1} * grid.x * grid.y * grid.z; }
};

struct Run {
  std::string misuse;  // what the kernel did that CUDA forbids, or empty
  size_t staticBytes;  // shared memory that a block declared
};
// Kernels come before whatever the host, or a kernel that does not overlap with them, does next: that begins with this.
void settleKernels();
Run runKernel(const Shape& shape, const std::function<void()>& kernel);

}  // namespace cuda_on_cpu
