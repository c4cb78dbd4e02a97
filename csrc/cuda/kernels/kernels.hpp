// What every dtype provides: one launcher per kernel, as one table of functions per dtype. Errors are CUDA's.
#pragma once

#include <cuda_runtime_api.h>

#include <iterator>

#include "core/dtype.hpp"
#include "cuda/borders.hpp"
#include "cuda/kernels/passes.hpp"

namespace jumpout::cuda {

// Decides the grid that fills a device, and what a block may hold. The flags are 0 or 1, as CUDA answers.
struct Device {
  int index;
  int multiprocessors;
  int resident_threads;  // of one multiprocessor
  int cooperative;
  int clusters;
  int overlaps;      // a kernel may begin before the one before it is done
  int shared_bytes;  // a block may ask for
};

struct Kernels;

// One call, as every launcher takes it. Its parts are what kernels receive by value.
struct Pass {
  const Kernels& kernels;
  Device device;
  cudaStream_t stream;
  uint64_t groups;
  KeySchedule keys;  // of forward, as are draw and workspace
  Draw draw = {};
  Elements elements = {};
  Workspace* workspace = nullptr;
  jumpout_record* drawn = nullptr;          // [groups], written by forward
  const jumpout_record* records = nullptr;  // [groups], read; in forward those that it has drawn
  const uint32_t* kept = nullptr;           // the saved mask, in backward
  Gate gate = Gate::kNone;
  bool tiled = false;          // elements, draws and groups fit tiles
  bool taking_turns = false;   // so they would, if blocks did not come again with each pixel
  CountOutcome counting = {};  // no sums where nothing has to be counted

  uint64_t rowSize() const { return groups > 1 ? elements.group_size : elements.length; }
};

using Launcher = cudaError_t (*)(const Pass&);

struct Kernels {
  // Once per device, before the first launch: clears the flags of what the compiled code cannot use.
  cudaError_t (*prepare)(Device&);
  // Elements of the longest row, or tensor, that a way can hold, whatever the borders; 0: it cannot run.
  uint64_t (*capacity)(Way, const Device&);

  Launcher count;
  // One group, with the count that draw.active points to, which the kernel before may still be making.
  Launcher apply;
  // Several groups that begin at multiples of 8 elements, rates from records.
  Launcher applyGroups;
  // Seed and call, too, from the records.
  Launcher applyAgain;
  Launcher backward;
  // Several groups or one, rates, seed and call from the records.
  Launcher interleaved;
  Launcher general;
  Launcher warpRows, blockRows, clusterRows;
  // Reads twice what does not fit the chip.
  Launcher onChip;
};

extern const Kernels kFloat32Kernels;
extern const Kernels kFloat16Kernels;
extern const Kernels kBFloat16Kernels;

inline const Kernels& kernelsOf(jumpout_dtype dtype) {
  constexpr const Kernels* kKernels[] = {&kFloat32Kernels, &kFloat16Kernels, &kBFloat16Kernels};
  static_assert(std::size(kKernels) == kFloatingDtypes);
  return *kKernels[dtype];
}

// Records of many groups, from given counts or from those that stand in the records already.
cudaError_t drawRecords(const Pass&);

inline bool isAligned(const void* pointer) {
  constexpr uint64_t kVectorBytes = 16;
  return reinterpret_cast<uintptr_t>(pointer) % kVectorBytes == 0;
}

// Whether groups, if there are several, begin at multiples of the 8 elements of a lane.
inline bool groupsFitLanes(const Elements& e) {
  return e.group_size == 0 || (e.offset % kLanesPerBlock == 0 && e.group_size % kLanesPerBlock == 0);
}

}  // namespace jumpout::cuda
