// Active counts (docs/numerics.md, 1): one reduction and one shared value per warp, one atomic per block.
// Counts are integers: exact, and independent of any order.
//
// Shapes: input [length] -> sums [groups]. Bytes per element: its own, read once.
// Registers on sm_90: countKernel 64 (bfloat16 54), the others 40. Shared memory: 64 bytes where one sum is shared.
// Tried (docs/tuning.md): 4 loads per lane in flight, with 40 registers and 3 blocks per multiprocessor. 8 of them
// with 2 blocks keep 128 KiB per multiprocessor in flight, for 96.
#pragma once

#include "cuda/kernels/keep.cuh"

namespace jumpout::cuda {

inline constexpr int kCountThreads = 512;
// Resident blocks per multiprocessor: 64 registers per thread, 32 of them for data, or 40 with few loads in flight.
inline constexpr int kCountBlocks = 2;
inline constexpr int kCountManyBlocks = 3;
template <class E>
inline constexpr int kTilesInFlight = 8 / E::kPieces;  // 8 loads of 16 bytes per lane

__device__ inline void addBlock(uint64_t* sum, uint64_t lane_count, uint32_t* warp_sums) {
  const uint32_t of_warp = warpSum(static_cast<uint32_t>(lane_count));
  if (laneIndex() == 0) warp_sums[warpIndex()] = of_warp;
  __syncthreads();
  if (threadIdx.x != 0) return;
  uint64_t total = 0;
  for (unsigned warp = 0; warp < blockDim.x / kWarp; ++warp) total += warp_sums[warp];
  if (total) atomicAdd64(sum, total);
}

// One group, 16-byte aligned input.
template <class E>
__global__ void __launch_bounds__(kCountThreads, residentBlocks(kCountThreads, kCountBlocks))
    countKernel(Elements e, CountOutcome outcome) {
  letNextKernelBegin();
  SHARED_ARRAY(uint32_t, warp_sums, kCountThreads / kWarp);
  const auto* input = static_cast<const typename E::Storage*>(e.input);
  const int lane = laneIndex();
  const uint64_t warps = gridWarps();
  const uint64_t tiles = e.length / kTileElements;
  uint64_t tile = gridWarpIndex();
  uint64_t count = 0;
  constexpr int kTogether = kTilesInFlight<E>;
  for (; tile + (kTogether - 1) * warps < tiles; tile += kTogether * warps) {
    LaneTile<E> values[kTogether];
#pragma unroll
    for (int k = 0; k < kTogether; ++k)
      values[k] = loadTile<E>(input + (tile + k * warps) * kTileElements, lane);
#pragma unroll
    for (int k = 0; k < kTogether; ++k) count += countPositive<E>(values[k]);
  }
  for (; tile < tiles; tile += warps)
    count += countPositive<E>(loadTile<E>(input + tile * kTileElements, lane));
  const int rest = static_cast<int>(e.length % kTileElements);
  if (rest && blockIdx.x == gridDim.x - 1 && warpIndex() == 0)
    count += countPositive<E>(loadPartialTile<E>(input + tiles * kTileElements, lane, rest));
  addBlock(outcome.sums, count, warp_sums);
}

// Any alignment, any groups: one element per lane, one tile per warp at a time.
template <class E>
__global__ void __launch_bounds__(kCountThreads, residentBlocks(kCountThreads, kCountManyBlocks))
    countGeneralKernel(Elements e, CountOutcome outcome) {
  SHARED_ARRAY(uint32_t, warp_sums, kCountThreads / kWarp);
  const auto* input = static_cast<const typename E::Storage*>(e.input);
  const int lane = laneIndex();
  const uint64_t warps = gridWarps();
  const uint64_t tiles = tilesOf(e);
  uint64_t count = 0;
  for (uint64_t tile = gridWarpIndex(); tile < tiles; tile += warps) {
    const uint64_t element = tile * kTileElements;
    const auto valid = static_cast<uint32_t>(validAt(e, element));
    const Runs groups(e.offset + element, e.group_size);
    const uint64_t row = rowOf(e, groups);
    uint32_t here = 0;
    for (uint32_t j = lane; j < valid; j += kWarp) {
      const bool positive = E::widen(input[element + j]) > 0.0f;
      const uint32_t passed = groups.passed(j);
      if (passed == 0)
        here += positive;
      else if (positive)
        atomicAdd64(outcome.sums + (row + passed) * outcome.stride, 1);
    }
    if (e.group_size == 0) {
      count += here;
      continue;
    }
    const uint32_t sum = warpSum(here);
    if (lane == 0 && sum) atomicAdd64(outcome.sums + row * outcome.stride, sum);
  }
  if (e.group_size) return;
  addBlock(outcome.sums, count, warp_sums);
}

// Several groups that begin at multiples of 8 elements, 16-byte aligned input: pieces that lie in one group each.
template <class E>
__global__ void __launch_bounds__(kCountThreads, residentBlocks(kCountThreads, kCountManyBlocks))
    countGroupsKernel(Elements e, CountOutcome outcome) {
  const auto* input = static_cast<const typename E::Storage*>(e.input);
  const int lane = laneIndex();
  const uint64_t warps = gridWarps();
  const uint64_t tiles = tilesOf(e);
  const uint64_t tiles_per_warp = (tiles + warps - 1) / warps;
  const uint64_t warp = gridWarpIndex();
  const uint64_t begin = warp * tiles_per_warp;
  const uint64_t end = begin + tiles_per_warp < tiles ? begin + tiles_per_warp : tiles;
  uint64_t open_row = 0;  // the row whose count is still in registers
  uint32_t open_count = 0;
  const auto flush = [&]() {
    const uint32_t sum = warpSum(open_count);
    if (lane == 0 && sum) atomicAdd64(outcome.sums + open_row * outcome.stride, sum);
    open_count = 0;
  };
  for (uint64_t tile = begin; tile < end; ++tile) {
    const uint64_t element = tile * kTileElements;
    const int valid = validAt(e, element);
    const LaneTile<E> values = valid == kTileElements ? loadTile<E>(input + element, lane)
                                                      : loadPartialTile<E>(input + element, lane, valid);
    const Runs groups(e.offset + element, e.group_size);
    const uint64_t row = rowOf(e, groups);
    if (row != open_row) {
      flush();
      open_row = row;
    }
    const uint32_t positive = positiveBits<E>(values);
#pragma unroll
    for (int p = 0; p < E::kPieces; ++p) {
      const uint32_t bits = positive >> (p * E::kPerPiece) & ((1u << E::kPerPiece) - 1u);
      const uint32_t passed = groups.passed(static_cast<uint32_t>(pieceStart<E>(p, lane)));
      const uint32_t count = static_cast<uint32_t>(__popc(bits));
      if (passed == 0)
        open_count += count;
      else if (count)
        atomicAdd64(outcome.sums + (row + passed) * outcome.stride, count);
    }
  }
  flush();
}

}  // namespace jumpout::cuda
