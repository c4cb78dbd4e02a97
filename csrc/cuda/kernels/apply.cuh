// Masking and scaling where the rates are known, or follow from a given count: the second sweep of forward, and backward
// with the mask drawn again. Bytes moved an element: read, written, and 1/8 of mask.
#pragma once

#include "cuda/kernels/keep.cuh"

namespace jumpout::cuda {

inline constexpr int kApplyThreads = 256;
// At once on a multiprocessor: 64 or 48 registers a thread.
template <bool kGrouped>
inline constexpr int kApplyBlocks = kGrouped ? 4 : 5;
// Neighbouring tiles that a warp takes at once: two 16-byte pieces a lane, which share their address and loop.
template <class E>
inline constexpr int kSpanTiles = 2 / E::kPieces;

// Where draws come from, and what a single group's elements meet.
template <class Source>
struct Drawn {
  Source source;
  Decision decision;
};

// `draw` gives Drawn, for the whole block, while its first tiles are on their way. Spans are taken from the end: what was
// read last is still in the second-level cache.
template <class E, Gate kGate, bool kGrouped, bool kStreaming, class Draws>
__device__ inline void applyTiles(const Elements& e, const jumpout_record* records, const Draws& draw) {
  constexpr int kTiles = kSpanTiles<E>;
  constexpr uint64_t kSpan = kTiles * kTileElements;
  const auto* input = static_cast<const typename E::Storage*>(e.input);
  const int lane = laneIndex();
  const uint64_t warps = uint64_t{gridDim.x} * (blockDim.x / kWarp);
  const uint64_t warp = uint64_t{blockIdx.x} * (blockDim.x / kWarp) + warpIndex();
  const uint64_t spans = e.length / kSpan;
  uint64_t element = (spans - 1 - warp) * kSpan;
  const uint64_t stride = warps * kSpan;
  LaneTile<E> next[kTiles];
  if (warp < spans) {
#pragma unroll
    for (int k = 0; k < kTiles; ++k)
      next[k] = loadTile<E, kStreaming>(input + element + k * kTileElements, lane);
  }
  const auto drawn = draw();
  const auto sweep = [&](uint64_t element, int valid, const LaneTile<E>& values, uint64_t mask_bytes) {
    const LaneDecisions<E> decisions =
        kGrouped ? decisionsOf<E>(e, records, element, valid, lane) : sameForAll<E>(drawn.decision);
    keepTile<E, kGate>(e, drawn.source, element, valid, values, decisions, lane, mask_bytes, kStreaming);
  };
  // What is left behind the spans goes, a tile each, to the warps that have the least to do.
  const uint64_t left = spans * kSpan + (warps - 1 - warp) * kTileElements;
  if (left < e.length) {
    const uint64_t rest = e.length - left;
    const int valid = rest < kTileElements ? static_cast<int>(rest) : kTileElements;
    sweep(left, valid, loadPartialTile<E>(input + left, lane, valid), maskWords(e.length) * sizeof(uint32_t));
  }
  if (warp >= spans) return;
  for (;;) {
    LaneTile<E> values[kTiles];
    const bool last = element < stride;
#pragma unroll
    for (int k = 0; k < kTiles; ++k) {
      values[k] = next[k];
      if (!last) next[k] = loadTile<E, kStreaming>(input + element - stride + k * kTileElements, lane);
    }
#pragma unroll
    for (int k = 0; k < kTiles; ++k) sweep(element + k * kTileElements, kTileElements, values[k], kWholeMask);
    if (last) return;
    element -= stride;
  }
}

// One group: each block draws for itself, the first one writes the record. The count was made elsewhere, or by the kernel
// before this one, which may still be at work: until it is known to be done nothing is written, and only the input read.
template <class E, Gate kGate>
__global__ void __launch_bounds__(kApplyThreads, residentBlocks(kApplyThreads, kApplyBlocks<false>))
    applyKernel(Elements e, jumpout_record* record, KeySchedule keys, Draw draw, Workspace* workspace) {
  SHARED_ARRAY(jumpout_record, drawn, 1);
  applyTiles<E, kGate, false, true>(e, nullptr, [&] {
    if (threadIdx.x == 0) {
      const uint64_t call = callOf(draw);
      const double base_rate = drawBaseRate(draw, call, e.first_group);
      waitForLastKernel();
      drawn[0] = recordOf(draw, call, base_rate, draw.active ? *draw.active : draw.total);
      if (blockIdx.x == 0) *record = drawn[0];
    }
    __syncthreads();
    if (threadIdx.x == 0) finishDraw(draw, drawn[0].call, workspace);
    return Drawn<ScheduledSource>{{keys, drawn[0].call}, decisionOf(drawn[0])};
  });
}

// Several groups that begin at multiples of 8 elements: rates from records.
template <class E, Gate kGate>
__global__ void __launch_bounds__(kApplyThreads, residentBlocks(kApplyThreads, kApplyBlocks<true>))
    applyGroupsKernel(Elements e, const jumpout_record* records, KeySchedule keys) {
  applyTiles<E, kGate, true, true>(
      e, records, [&] { return Drawn<ScheduledSource>{{keys, records->call}, decisionOf(*records)}; });
}

// Backward with the mask drawn again: the seed, too, is read from the records.
template <class E, Gate kGate, bool kGrouped>
__global__ void __launch_bounds__(kApplyThreads, residentBlocks(kApplyThreads, kApplyBlocks<kGrouped>))
    applyAgainKernel(Elements e, const jumpout_record* records) {
  applyTiles<E, kGate, kGrouped, false>(e, records, [&] {
    return Drawn<RecordedSource>{{PhiloxKey{records->seed}, records->call}, decisionOf(*records)};
  });
}

}  // namespace jumpout::cuda
