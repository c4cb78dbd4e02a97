// Backward from the saved mask (ReLU included: the mask then says "active and kept").
//
// Shapes: grad_output [length], mask -> grad_input [length]. Bytes per element: read once, written once, and 1/8 of
// mask, read. Registers on sm_90: 40, with several groups at most 64. No shared memory.
#pragma once

#include <type_traits>

#include "cuda/kernels/keep.cuh"

namespace jumpout::cuda {

inline constexpr int kBackwardThreads = 256;
// Resident blocks per multiprocessor: 64 or 40 registers per thread.
template <bool kGrouped>
inline constexpr int kBackwardBlocks = kGrouped ? 4 : 6;

// Bits of a lane's own elements: those of a piece lie in one word.
template <class E>
__device__ inline uint32_t keptOfMask(const uint32_t* words, int lane, int valid) {
  uint32_t own = 0;
#pragma unroll
  for (int p = 0; p < E::kPieces; ++p) {
    const int at = pieceStart<E>(p, lane);
    if (at >= valid) continue;
    const uint32_t bits = words[at / static_cast<int>(kMaskWordBits)] >> (at % kMaskWordBits);
    own |= (bits & ((1u << E::kPerPiece) - 1u)) << (p * E::kPerPiece);
  }
  return own;
}

template <class E, bool kGrouped>
__global__ void __launch_bounds__(kBackwardThreads,
                                  residentBlocks(kBackwardThreads, kBackwardBlocks<kGrouped>))
    backwardKernel(Elements e, const uint32_t* mask, const jumpout_record* records) {
  using Storage = typename E::Storage;
  const auto* input = static_cast<const Storage*>(e.input);
  auto* output = static_cast<Storage*>(e.output);
  const int lane = laneIndex();
  const uint64_t warps = gridWarps();
  const uint64_t tiles = e.length / kTileElements;
  const LaneDecisions<E> common = sameForAll<E>(decisionOf(*records));
  const auto decisionsAt = [&](uint64_t element, int valid) {
    return kGrouped ? decisionsOf<E>(e, records, element, valid, lane) : common;
  };
  const uint64_t warp = gridWarpIndex();
  const int rest = static_cast<int>(e.length % kTileElements);
  if (rest && warp == warps - 1) {
    const uint64_t element = tiles * kTileElements;
    const LaneTile<E> values = loadPartialTile<E>(input + element, lane, rest);
    const uint32_t kept = keptOfMask<E>(mask + element / kMaskWordBits, lane, rest);
    storePartialTile<E>(scaled<E>(values, kept, decisionsAt(element, rest)), output + element, lane, rest);
  }
  const auto backwardTiles = [&](uint64_t tile, auto together) {
    constexpr int kTiles = decltype(together)::value;
    LaneTile<E> values[kTiles];
    uint32_t kept[kTiles];
#pragma unroll
    for (int k = 0; k < kTiles; ++k) {
      const uint64_t element = (tile + k * warps) * kTileElements;
      values[k] = loadTile<E>(input + element, lane);
      kept[k] = keptOfMask<E>(mask + element / kMaskWordBits, lane, kTileElements);
    }
#pragma unroll
    for (int k = 0; k < kTiles; ++k) {
      const uint64_t element = (tile + k * warps) * kTileElements;
      storeTile<E>(scaled<E>(values[k], kept[k], decisionsAt(element, kTileElements)), output + element,
                   lane);
    }
  };
  constexpr int kTogether = 2;  // tiles whose loads are in flight together
  uint64_t tile = warp;
  for (; tile + (kTogether - 1) * warps < tiles; tile += kTogether * warps)
    backwardTiles(tile, std::integral_constant<int, kTogether>());
  if (tile < tiles) backwardTiles(tile, std::integral_constant<int, 1>());
}

}  // namespace jumpout::cuda
