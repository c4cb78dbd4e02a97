#include "cuda/kernels/draw.cuh"

#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch.hpp"

namespace jumpout::cuda {
namespace {

constexpr int kDrawThreads = 128;
constexpr int kDrawBlocks = 6;  // at once on a multiprocessor: 80 registers per thread

// One thread per group. Without given counts, records[].active holds what was counted.
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

cudaError_t drawRecords(const Device& device, const Draw& draw, uint64_t first_group, uint64_t groups,
                        jumpout_record* records, Workspace* workspace, cudaStream_t stream) {
  const unsigned blocks = blocksFor(device, groups, kDrawThreads, kDrawThreads, kDrawBlocks);
  return launch({blocks, kDrawThreads}, stream, drawKernel, draw, first_group, groups, records, workspace);
}

}  // namespace jumpout::cuda
