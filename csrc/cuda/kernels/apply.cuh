// Masking and scaling where the rates are known, or follow from a given count: the second sweep of forward, and
// backward with the mask drawn again.
//
// Shapes: input [length] -> output [length], mask in forward. Bytes per element: read once, written once, and 1/8
// of mask; backward with ReLU reads the forward's output instead of a mask.
// Registers on sm_90: at most 48 with one group, 64 with several. Shared memory: 48 bytes in applyKernel alone.
// Tried (docs/tuning.md): the partial tile inside the loop, 29 instructions per float32 element for 17.6; two
// neighbouring tiles per warp and turn, kept for 16-bit elements (14.2 for 16.9), not for float32 (18.3 for 17.6,
// 77 registers for 40); lanes compared as packed halves (17.0 for 16.9), not kept.
#pragma once

#include "cuda/kernels/keep.cuh"

namespace jumpout::cuda {

inline constexpr int kApplyThreads = 256;
// Resident blocks per multiprocessor: 64 or 48 registers per thread.
template <bool kGrouped>
inline constexpr int kApplyBlocks = kGrouped ? 4 : 5;
// Neighbouring tiles that a warp takes at once: two 16-byte pieces per lane, which share their address and loop.
template <class E>
inline constexpr int kSpanTiles = 2 / E::kPieces;

// The source of draws, and the decision for a single group.
template <class Source>
struct Drawn {
  Source source;
  Decision decision;
};

// `draw` gives Drawn, for the whole block, while its first tiles are on their way. Spans are taken from the end:
// what was read last is still in the second-level cache.
template <class E, Gate kGate, bool kGrouped, bool kStreaming, class Draws>
__device__ inline void applyTiles(const Elements& e, const jumpout_record* records, const Draws& draw) {
  constexpr int kTiles = kSpanTiles<E>;
  constexpr uint64_t kSpan = kTiles * kTileElements;
  const auto* input = static_cast<const typename E::Storage*>(e.input);
  const int lane = laneIndex();
  const uint64_t warps = gridWarps();
  const uint64_t warp = gridWarpIndex();
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
  // The tiles behind the last span go, one each, to the warps that have the least to do.
  const uint64_t left = spans * kSpan + (warps - 1 - warp) * kTileElements;
  if (left < e.length) {
    const int valid = validAt(e, left);
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

// One group: each block draws for itself, the first one writes the record. The count was made elsewhere, or by the
// kernel before this one, which may still be at work: until waitForLastKernel returns, only the
// input is read and nothing is written.
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
