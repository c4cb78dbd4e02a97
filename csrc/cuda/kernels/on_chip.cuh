// One cooperative launch for a whole tensor: as many tiles as fit the chip stay in registers and shared memory
// between the count and the sweep.
//
// Shapes: input [length] -> output [length], mask, one record. Bytes per element: read once, those beyond the chip
// twice, written once, and 1/8 of mask.
// Registers on sm_90, float32 (bfloat16): 121 (98), with ReLU 121 (105). Shared memory per block: 176 bytes static,
// and dynamic slots up to what a block may ask for. One block of 16 warps per multiprocessor.
// Tried (docs/tuning.md): shared memory filled through registers, 2 loads per lane in flight (bfloat16 1) in the
// loop that counts, for 8; ReLU as a branch at run time, 0.5 to 2.3 instructions per element more; barriers apart
// for the two roles, 128 registers for 117 then (bfloat16 122 for 94).
#pragma once

#include <cuda_pipeline.h>

#include "cuda/kernels/keep.cuh"

namespace jumpout::cuda {

inline constexpr int kOnChipWarps = 15;  // and one that draws while they load
inline constexpr int kOnChipThreads = (kOnChipWarps + 1) * kWarp;

template <class E>
inline constexpr int kOnChipRegisterTiles = E::kPieces == 2 ? 8 : 12;  // 64 or 48 registers of data per lane
// Tiles per warp on their way into shared memory at any time: 8 pieces per lane, 60 KiB per multiprocessor.
template <class E>
inline constexpr int kOnChipTilesAhead = 8 / E::kPieces;
template <class E>
inline constexpr int kTileBytes = kTileElements * static_cast<int>(sizeof(typename E::Storage));

// Warp w has tiles w, w + warps, w + 2 * warps, ...: the first in registers, the others through slots of shared
// memory in turn, where the last ones stay. The next warp in turn reads the partial tile, twice.
struct Shares {
  uint32_t tiles;   // per warp, at least
  uint32_t longer;  // warps that have one tile more
  uint32_t slots;   // of shared memory per warp: at least kOnChipTilesAhead, unless all tiles stay
};

template <class E, Gate kGate>
__global__ void __launch_bounds__(kOnChipThreads, 1)
    onChipKernel(Elements e, Shares shares, jumpout_record* record, KeySchedule keys, Draw draw,
                 Workspace* workspace) {
  constexpr int kHeld = kOnChipRegisterTiles<E>;
  constexpr int kAhead = kOnChipTilesAhead<E>;
  SHARED_ARRAY(uint32_t, warp_counts, kWarp);
  SHARED_ARRAY(jumpout_record, drawn, 1);
  DYN_SHARED(uint4, slots);
  const auto* input = static_cast<const typename E::Storage*>(e.input);
  const int lane = laneIndex();
  const int warp_of_block = warpIndex();
  const bool draws = warp_of_block == kOnChipWarps;
  const uint32_t warps = gridDim.x * kOnChipWarps;
  const uint32_t warp = blockIdx.x * kOnChipWarps + warp_of_block;
  const uint32_t own = shares.tiles + (warp < shares.longer ? 1 : 0);
  const uint32_t passing = own > kHeld ? own - kHeld : 0;
  const auto elementOf = [&](uint32_t k) { return (warp + uint64_t{k} * warps) * kTileElements; };
  const int rest = static_cast<int>(e.length % kTileElements);
  const bool has_rest = !draws && rest && warp == shares.longer;
  uint4* const slots_of_lane = slots + warp_of_block * shares.slots * E::kPieces * kWarp + lane;
  const auto tileIn = [&](uint32_t slot) {
    LaneTile<E> values;
#pragma unroll
    for (int p = 0; p < E::kPieces; ++p) values.piece[p] = slots_of_lane[(slot * E::kPieces + p) * kWarp];
    return values;
  };
  // Each tile is a group of copies, an empty one if it does not exist. A lane reads only what it copied.
  const auto fetch = [&](uint32_t k, uint32_t slot) {
    if (k < passing) {
      const auto* from = reinterpret_cast<const uint4*>(input + elementOf(kHeld + k)) + lane;
#pragma unroll
      for (int p = 0; p < E::kPieces; ++p)
        __pipeline_memcpy_async(slots_of_lane + (slot * E::kPieces + p) * kWarp, from + p * kWarp,
                                sizeof(uint4));
    }
    __pipeline_commit();
  };
  uint32_t slot = 0;
  LaneTile<E> held[kHeld];
  // Of the lane that draws: only it reads the counter. The record tells the others the call.
  uint64_t call = 0;
  double base_rate = 0.0;

  // Both roles meet at the same barriers.
  if (draws) {
    if (lane == 0) {
      call = callOf(draw);
      base_rate = drawBaseRate(draw, call, e.first_group);
    }
  } else {
    uint32_t count = 0;
#pragma unroll
    for (uint32_t k = 0; k < kHeld; ++k)
      if (k < own) held[k] = loadTile<E>(input + elementOf(k), lane);
    for (uint32_t k = 0; k < kAhead; ++k) fetch(k, k);
#pragma unroll
    for (uint32_t k = 0; k < kHeld; ++k)
      if (k < own) count += countPositive<E>(held[k]);
    const auto wrapped = [&](uint32_t number) {
      return number < shares.slots ? number : number - shares.slots;
    };
    for (uint32_t k = 0; k < passing; ++k) {
      __pipeline_wait_prior(kAhead - 1);
      count += countPositive<E>(tileIn(slot));
      fetch(k + kAhead, wrapped(slot + kAhead));
      slot = wrapped(slot + 1);
    }
    if (has_rest) count += countPositive<E>(loadPartialTile<E>(input + e.length - rest, lane, rest));
    count = warpSum(count);
    if (lane == 0) warp_counts[warp_of_block] = count;
  }
  __syncthreads();  // the warps have counted
  if (draws) {
    const uint32_t sum = warpSum(lane < kOnChipWarps ? warp_counts[lane] : 0u);
    if (lane == 0) {
      // Arrival and count share one word: a block that sees all arrivals sees the whole count, without a fence.
      const uint64_t epoch = polled(&workspace->epoch);
      uint64_t* const barrier = &workspace->barrier[epoch % 2];
      if (draw.call_counter) __threadfence();  // the block has read the counter
      atomicAdd64(barrier, uint64_t{1} << kArrivalShift | sum);
      uint64_t seen = polled(barrier);
      while ((seen >> kArrivalShift) != gridDim.x) {
        __nanosleep(20);
        seen = polled(barrier);
      }
      drawn[0] = recordOf<true>(draw, call, base_rate, seen & kCountBits);
      if (blockIdx.x == 0) {
        *record = drawn[0];
        workspace->barrier[(epoch + 1) % 2] = 0;  // of the call before, which all blocks have left
        publish(&workspace->epoch, epoch + 1);
        if (draw.call_counter) {
          __threadfence();
          *draw.call_counter = call + 1;
        }
      }
    }
  }
  __syncthreads();  // the rate has been drawn
  if (draws) return;
  const LaneDecisions<E> decisions = sameForAll<E>(decisionOf(drawn[0]));
  const ScheduledSource source(keys, drawn[0].call);
  const uint64_t mask_bytes = maskWords(e.length) * sizeof(uint32_t);
  if (has_rest) {
    const LaneTile<E> values = loadPartialTile<E>(input + e.length - rest, lane, rest);
    keepTile<E, kGate>(e, source, e.length - rest, rest, values, decisions, lane, mask_bytes);
  }
  // Backwards: what lies beyond the chip passes through the slots again, first what was read last, which may still
  // be in the second-level cache. Results are stored to leave that cache first.
  const bool streaming = passing > shares.slots;
  for (uint32_t k = passing; k-- > 0;) {
    slot = (slot > 0 ? slot : shares.slots) - 1;
    __pipeline_wait_prior(kAhead - 1);
    keepTile<E, kGate>(e, source, elementOf(kHeld + k), kTileElements, tileIn(slot), decisions, lane,
                       kWholeMask, streaming);
    fetch(k - shares.slots, slot);
  }
#pragma unroll
  for (uint32_t k = 0; k < kHeld; ++k)
    if (k < own)
      keepTile<E, kGate>(e, source, elementOf(k), kTileElements, held[k], decisions, lane, kWholeMask);
}

}  // namespace jumpout::cuda
