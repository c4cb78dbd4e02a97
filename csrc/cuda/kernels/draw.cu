// Records of many groups, one thread per group.
//
// Shapes: counts [groups] -> records [groups]. Bytes per group: 8 read where there are counts, 48 written.
// Registers on sm_90: 52. No shared memory.
#include "cuda/kernels/draw.cuh"

#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch.hpp"

namespace jumpout::cuda {
namespace {

constexpr int kDrawThreads = 128;
constexpr int kDrawBlocks = 6;  // resident per multiprocessor: 80 registers per thread

// Without given counts, records[].active holds what was counted.
__global__ void __launch_bounds__(kDrawThreads, residentBlocks(kDrawThreads, kDrawBlocks))
    drawKernel(Draw draw, uint64_t first_group, uint64_t groups, jumpout_record* records,
               Workspace* workspace) {
  const uint64_t call = callOf(draw);
  const uint64_t stride = uint64_t{gridDim.x} * blockDim.x;
  for (uint64_t row = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; row < groups; row += stride) {
    const uint64_t active = draw.active       ? draw.active[row]
                            : draw.all_active ? draw.total
                                              : records[row].active;
    records[row] = recordOf(draw, call, drawBaseRate(draw, call, first_group + row), active);
  }
  if (!draw.call_counter) return;
  __syncthreads();
  if (threadIdx.x == 0) finishDraw(draw, call, workspace);
}

}  // namespace

cudaError_t drawRecords(const Pass& pass) {
  const unsigned blocks = blocksFor(pass.device, pass.groups, kDrawThreads, kDrawThreads, kDrawBlocks);
  return launch({blocks, kDrawThreads}, pass.stream, drawKernel, pass.draw, pass.elements.first_group,
                pass.groups, pass.drawn, pass.workspace);
}

}  // namespace jumpout::cuda
