// Masking and scaling where the rates are known, or follow from a given count: the second sweep of forward, and backward
// with the mask drawn again. Bytes moved an element: read, written, and 1/8 of mask.
#pragma once

#include "cuda/keep.cuh"

namespace jumpout::cuda {

inline constexpr int kApplyThreads = 256;
// At once on a multiprocessor: 64 or 48 registers a thread.
template <bool kGrouped>
inline constexpr int kApplyBlocks = kGrouped ? 4 : 5;
// Neighbouring tiles that a warp takes at once: two 16-byte pieces a lane, which share their address and loop.
template <class E>
inline constexpr int kSpanTiles = 2 / E::kPieces;

// Spans are taken from the end: what was read last is still in the second-level cache.
template <class E, Gate kGate, bool kGrouped, bool kStreaming, class Source>
__device__ inline void applyTiles(const Elements& e, const jumpout_record* records, const Decision& decision,
                                  const Source& source) {
  constexpr int kTiles = kSpanTiles<E>;
  constexpr uint64_t kSpan = kTiles * kTileElements;
  const auto* input = static_cast<const typename E::Storage*>(e.input);
  const int lane = laneIndex();
  const uint64_t warps = uint64_t{gridDim.x} * (blockDim.x / kWarp);
  const uint64_t warp = uint64_t{blockIdx.x} * (blockDim.x / kWarp) + warpIndex();
  const uint64_t spans = e.length / kSpan;
  const auto sweep = [&](uint64_t element, int valid, const LaneTile<E>& values, uint64_t mask_bytes) {
    const LaneDecisions<E> decisions =
        kGrouped ? decisionsOf<E>(e, records, element, valid, lane) : sameForAll<E>(decision);
    keepTile<E, kGate, kStreaming>(e, source, element, valid, values, decisions, lane, mask_bytes);
  };
  // What is left behind the spans goes, a tile each, to the warps that have the least to do.
  const uint64_t left = spans * kSpan + (warps - 1 - warp) * kTileElements;
  if (left < e.length) {
    const uint64_t rest = e.length - left;
    const int valid = rest < kTileElements ? static_cast<int>(rest) : kTileElements;
    sweep(left, valid, loadPartialTile<E>(input + left, lane, valid), maskWords(e.length) * sizeof(uint32_t));
  }
  if (warp >= spans) return;
  uint64_t element = (spans - 1 - warp) * kSpan;
  const uint64_t stride = warps * kSpan;
  LaneTile<E> next[kTiles];
#pragma unroll
  for (int k = 0; k < kTiles; ++k)
    next[k] = loadTile<E, kStreaming>(input + element + k * kTileElements, lane);
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

// Rates from records: the sweep after the count, which left a part of the input in the second-level cache.
template <class E, Gate kGate, bool kGrouped>
__global__ void __launch_bounds__(kApplyThreads, residentBlocks(kApplyThreads, kApplyBlocks<kGrouped>))
    applyKernel(Elements e, const jumpout_record* records, KeySchedule keys) {
  const ScheduledSource source(keys, records->call);
  applyTiles<E, kGate, kGrouped, true>(e, records, decisionOf(*records), source);
}

// The same where the seed, too, is read there: backward with the mask drawn again.
template <class E, Gate kGate, bool kGrouped>
__global__ void __launch_bounds__(kApplyThreads, residentBlocks(kApplyThreads, kApplyBlocks<kGrouped>))
    applyAgainKernel(Elements e, const jumpout_record* records) {
  const RecordedSource source(PhiloxKey{records->seed}, records->call);
  applyTiles<E, kGate, kGrouped, false>(e, records, decisionOf(*records), source);
}

// One group whose count was made elsewhere: each block draws for itself, the first one writes the record.
template <class E, Gate kGate>
__global__ void __launch_bounds__(kApplyThreads, residentBlocks(kApplyThreads, kApplyBlocks<false>))
    applyCountedKernel(Elements e, jumpout_record* record, KeySchedule keys, Draw draw,
                       Workspace* workspace) {
  SHARED_ARRAY(jumpout_record, drawn, 1);
  if (threadIdx.x == 0) {
    const uint64_t call = callOf(draw);
    const uint64_t active = draw.active ? *draw.active : draw.total;
    drawn[0] = recordOf(draw, call, drawBaseRate(draw, call, e.first_group), active);
    if (blockIdx.x == 0) *record = drawn[0];
    advanceCallAfterAll(draw, call, workspace);
  }
  __syncthreads();
  const ScheduledSource source(keys, drawn[0].call);
  applyTiles<E, kGate, false, false>(e, nullptr, decisionOf(drawn[0]), source);
}

}  // namespace jumpout::cuda
