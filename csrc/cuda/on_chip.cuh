// One cooperative launch for a whole tensor that fits the chip: tiles stay in registers and shared memory between the
// count and the sweep. Bytes moved an element: read once, written once, 1/8 of mask.
#pragma once

#include <cuda_pipeline.h>

#include "cuda/keep.cuh"

namespace jumpout::cuda {

inline constexpr int kOnChipWarps = 15;  // and one that draws while they load
inline constexpr int kOnChipThreads = (kOnChipWarps + 1) * kWarp;

template <class E>
inline constexpr int kOnChipRegisterTiles = E::kPieces == 2 ? 8 : 12;  // 64 or 48 registers of data a lane
// Tiles that are on their way into shared memory at any time: 8 pieces a lane, 60 KiB a multiprocessor.
template <class E>
inline constexpr int kOnChipTilesAhead = 8 / E::kPieces;
template <class E>
inline constexpr int kTileBytes = kTileElements * static_cast<int>(sizeof(typename E::Storage));

// Tiles of one warp: w, w + warps, w + 2 * warps, ...: the first in registers, then `shared_tiles` in shared memory. The
// partial tile at the end is read twice by the warp that the last tile would go to.
template <class E, Gate kGate>
__global__ void __launch_bounds__(kOnChipThreads, 1)
    onChipKernel(Elements e, int shared_tiles, jumpout_record* record, KeySchedule keys, Draw draw,
                 Workspace* workspace) {
  constexpr int kHeld = kOnChipRegisterTiles<E>;
  SHARED_ARRAY(uint32_t, warp_counts, kWarp);
  SHARED_ARRAY(jumpout_record, drawn, 1);
  DYN_SHARED(uint4, shared);
  const auto* input = static_cast<const typename E::Storage*>(e.input);
  const int lane = laneIndex();
  const int warp_of_block = warpIndex();
  const bool draws = warp_of_block == kOnChipWarps;
  const uint64_t warps = uint64_t{gridDim.x} * kOnChipWarps;
  const uint64_t warp = uint64_t{blockIdx.x} * kOnChipWarps + warp_of_block;
  const uint64_t tiles = e.length / kTileElements;
  const int rest = static_cast<int>(e.length % kTileElements);
  const bool has_rest = !draws && rest && warp == tiles % warps;
  uint4* const shared_of_lane =
      shared + static_cast<size_t>(warp_of_block) * shared_tiles * E::kPieces * kWarp + lane;
  const auto sharedTile = [&](int k) {
    LaneTile<E> values;
#pragma unroll
    for (int p = 0; p < E::kPieces; ++p) values.piece[p] = shared_of_lane[(k * E::kPieces + p) * kWarp];
    return values;
  };
  LaneTile<E> held[kHeld];
  // Of the lane that draws; it alone reads the counter, and hands the call on in the record.
  uint64_t call = 0;
  double base_rate = 0.0;

  // Both roles meet at the same barriers.
  if (draws) {
    if (lane == 0) {
      call = callOf(draw);
      base_rate = drawBaseRate(draw, call, e.first_group);
    }
  } else {
    constexpr int kAhead = kOnChipTilesAhead<E>;
    // Each tile is a group of copies, an empty one if it does not exist. A lane reads only what it copied.
    const auto fetch = [&](int k) {
      const uint64_t tile = warp + (kHeld + k) * warps;
      const auto* from = reinterpret_cast<const uint4*>(input + tile * kTileElements) + lane;
      if (k < shared_tiles && tile < tiles) {
#pragma unroll
        for (int p = 0; p < E::kPieces; ++p)
          __pipeline_memcpy_async(shared_of_lane + (k * E::kPieces + p) * kWarp, from + p * kWarp,
                                  sizeof(uint4));
      }
      __pipeline_commit();
    };
    uint32_t count = 0;
#pragma unroll
    for (int k = 0; k < kHeld; ++k) {
      const uint64_t tile = warp + k * warps;
      if (tile < tiles) held[k] = loadTile<E>(input + tile * kTileElements, lane);
    }
    for (int k = 0; k < kAhead; ++k) fetch(k);
#pragma unroll
    for (int k = 0; k < kHeld; ++k)
      if (warp + k * warps < tiles) count += countPositive<E>(held[k]);
    for (int k = 0; k < shared_tiles && warp + (kHeld + k) * warps < tiles; ++k) {
      fetch(k + kAhead);
      __pipeline_wait_prior(kAhead);
      count += countPositive<E>(sharedTile(k));
    }
    if (has_rest) count += countPositive<E>(loadPartialTile<E>(input + tiles * kTileElements, lane, rest));
    count = warpSum(count);
    if (lane == 0) warp_counts[warp_of_block] = count;
  }
  __syncthreads();  // the warps have counted
  if (draws) {
    const uint32_t sum = warpSum(lane < kOnChipWarps ? warp_counts[lane] : 0u);
    if (lane == 0) {
      // Arrival and count in one word: who sees all arrivals sees the whole count, without a fence.
      const uint32_t epoch = workspace->epoch;
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
        workspace->barrier[(epoch + 1) % 2] = 0;  // the last call's, which everyone has left
        workspace->epoch = epoch + 1;
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
    const LaneTile<E> values = loadPartialTile<E>(input + tiles * kTileElements, lane, rest);
    keepTile<E, kGate>(e, source, tiles * kTileElements, rest, values, decisions, lane, mask_bytes);
  }
#pragma unroll
  for (int k = 0; k < kHeld; ++k) {
    const uint64_t tile = warp + k * warps;
    if (tile < tiles)
      keepTile<E, kGate>(e, source, tile * kTileElements, kTileElements, held[k], decisions, lane,
                         kWholeMask);
  }
  for (int k = 0; k < shared_tiles; ++k) {
    const uint64_t tile = warp + (kHeld + k) * warps;
    if (tile >= tiles) break;
    keepTile<E, kGate>(e, source, tile * kTileElements, kTileElements, sharedTile(k), decisions, lane,
                       kWholeMask);
  }
}

}  // namespace jumpout::cuda
