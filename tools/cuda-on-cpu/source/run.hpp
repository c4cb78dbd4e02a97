// Runs a kernel for the runtime API, and hides the machine from it.
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
  size_t dynamicLimit = 0;  // of the kernel's attribute; 0: the rest of the static limit

  unsigned threads() const { return block.x * block.y * block.z; }
  unsigned warps() const { return (threads() + warpSize - 1) / warpSize; }
  uint64_t blocks() const { return uint64_t{1} * grid.x * grid.y * grid.z; }
};

struct Run {
  std::string misuse;  // the misuse of CUDA by the kernel, or empty
  size_t staticBytes;  // shared memory that a block declared
};
// Orders all earlier kernels before the next work of the host, or of a kernel that does not overlap with them.
void settleKernels();
Run runKernel(const Shape& shape, const std::function<void()>& kernel);

}  // namespace cuda_on_cpu
