// Masking and scaling where the rates are known, or follow from a given count: the second sweep of forward, and backward
// with the mask drawn again. Bytes moved an element: read, written, and 1/8 of mask.
#pragma once

#include "cuda/keep.cuh"

namespace jumpout::cuda {

inline constexpr int kApplyThreads = 256;

// Tiles are taken from the end: the count left the end of the input in the second-level cache.
template <class E, Gate kGate, bool kGrouped, class Source>
__device__ inline void applyTiles(const Elements& e, const jumpout_record* records, const Decision& decision,
                                  const Source& source) {
  const auto* input = static_cast<const typename E::Storage*>(e.input);
  const int lane = laneIndex();
  const uint64_t warps = uint64_t{gridDim.x} * (blockDim.x / kWarp);
  const uint64_t warp = uint64_t{blockIdx.x} * (blockDim.x / kWarp) + warpIndex();
  const uint64_t tiles = e.length / kTileElements;
  const int rest = static_cast<int>(e.length % kTileElements);
  const auto sweep = [&](uint64_t element, int valid, const LaneTile<E>& values, uint64_t mask_bytes) {
    const LaneDecisions<E> decisions =
        kGrouped ? decisionsOf<E>(e, records, element, valid, lane) : sameForAll<E>(decision);
    keepTile<E, kGate>(e, source, element, valid, values, decisions, lane, mask_bytes);
  };
  if (rest && warp == warps - 1) {
    const uint64_t element = tiles * kTileElements;
    sweep(element, rest, loadPartialTile<E>(input + element, lane, rest),
          maskWords(e.length) * sizeof(uint32_t));
  }
  if (warp >= tiles) return;
  uint64_t element = (tiles - 1 - warp) * kTileElements;
  const uint64_t stride = warps * kTileElements;
  LaneTile<E> next = loadTile<E>(input + element, lane);
  for (;;) {
    const LaneTile<E> values = next;
    const bool last = element < stride;
    if (!last) next = loadTile<E>(input + element - stride, lane);
    sweep(element, kTileElements, values, kWholeMask);
    if (last) return;
    element -= stride;
  }
}

// Rates from records.
template <class E, Gate kGate, bool kGrouped>
__global__ void __launch_bounds__(kApplyThreads)
    applyKernel(Elements e, const jumpout_record* records, KeySchedule keys) {
  const ScheduledSource source(keys, records->call);
  applyTiles<E, kGate, kGrouped>(e, records, decisionOf(*records), source);
}

// The same where the seed, too, is read there: backward with the mask drawn again.
template <class E, Gate kGate, bool kGrouped>
__global__ void __launch_bounds__(kApplyThreads) applyAgainKernel(Elements e, const jumpout_record* records) {
  const RecordedSource source(PhiloxKey{records->seed}, records->call);
  applyTiles<E, kGate, kGrouped>(e, records, decisionOf(*records), source);
}

// One group whose count was made elsewhere: each block draws for itself, the first one writes the record.
template <class E, Gate kGate>
__global__ void __launch_bounds__(kApplyThreads)
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
  applyTiles<E, kGate, false>(e, nullptr, decisionOf(drawn[0]), source);
}

}  // namespace jumpout::cuda
