// What every dtype provides: one launcher a kernel, as one table of functions a dtype. Errors are CUDA's.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "cuda/kernels/passes.hpp"

namespace jumpout::cuda {

struct CountOutcome;
struct Rows;

struct RowsLaunch {
  Elements elements;
  uint64_t rows;
  uint64_t row_size;
  jumpout_record* records;
  const KeySchedule* keys;
  const Draw* draw;
  Workspace* workspace;
  Gate gate;
};

// The grid that fills a device, and what a block may hold.
struct Device {
  int index;
  int multiprocessors;
  int resident_threads;  // of one multiprocessor
  bool cooperative;
  bool clusters;
  bool overlaps;        // a kernel may begin before the one before it is done
  size_t shared_bytes;  // a block may ask for
};

struct Kernels {
  // Elements of the longest row that one warp, one block, a cluster of 8 blocks holds.
  uint64_t warp_row, block_row, cluster_row;

  // Once per device, before the first launch; finds out what the code for it lacks.
  cudaError_t (*prepare)(Device&);
  cudaError_t (*count)(const Device&, const Elements&, const CountOutcome&, bool aligned, cudaStream_t);
  // One group, with the count that draw.active points to; `overlaps`: the kernel before it makes that count, and reads the
  // same input.
  cudaError_t (*apply)(const Device&, const Elements&, jumpout_record*, const KeySchedule&, const Draw&,
                       Workspace*, Gate, bool overlaps, cudaStream_t);
  // Several groups that begin at multiples of 8 elements, rates from records.
  cudaError_t (*applyGroups)(const Device&, const Elements&, const jumpout_record*, const KeySchedule&, Gate,
                             cudaStream_t);
  // Seed and call, too, from the records.
  cudaError_t (*applyAgain)(const Device&, const Elements&, const jumpout_record*, Gate, bool grouped,
                            cudaStream_t);
  cudaError_t (*general)(const Device&, const Elements&, const jumpout_record*, Gate, const uint32_t* kept,
                         cudaStream_t);
  cudaError_t (*backward)(const Device&, const Elements&, const uint32_t* mask, const jumpout_record*,
                          bool grouped, cudaStream_t);
  cudaError_t (*warpRows)(const Device&, const RowsLaunch&, cudaStream_t);
  cudaError_t (*blockRows)(const Device&, const RowsLaunch&, unsigned cluster, cudaStream_t);
  // Elements that fit the chip, 0 where it has little shared memory or no cooperative launch.
  uint64_t (*onChipCapacity)(const Device&);
  // What does not fit is read twice.
  cudaError_t (*onChip)(const Device&, const Elements&, jumpout_record*, const KeySchedule&, const Draw&,
                        Workspace*, Gate, cudaStream_t);
};

extern const Kernels kFloat32Kernels;
extern const Kernels kFloat16Kernels;
extern const Kernels kBFloat16Kernels;

// Records of many groups, from given counts or from those that stand in the records already.
cudaError_t drawRecords(const Device&, const Draw&, uint64_t first_group, uint64_t groups, jumpout_record*,
                        Workspace*, cudaStream_t);

}  // namespace jumpout::cuda
