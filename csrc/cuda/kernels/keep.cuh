// Keep decisions for a tile, and the passes over one tile that every way of computing shares.
#pragma once

#include "core/layout.hpp"
#include "cuda/kernels/draw.cuh"
#include "cuda/kernels/element.cuh"

namespace jumpout::cuda {

// The eight 16-bit lanes of a block against the threshold, as a byte: bit i is lane i (docs/numerics.md, 6).
__device__ inline uint32_t keepByte(const PhiloxWords& drawn, uint32_t threshold) {
  const uint32_t high = threshold << 16;  // w >> 16 >= t is w >= t << 16: no unpacking
  uint32_t bits = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    bits |= (drawn.word[i] << 16 >= high ? 1u : 0u) << (2 * i);
    bits |= (drawn.word[i] >= high ? 1u : 0u) << (2 * i + 1);
  }
  return bits;
}

struct KeptBits {
  uint32_t own;   // of the lane's own elements, piece by piece
  uint32_t byte;  // of the lane's block: what the mask stores
};

// Combines the keep byte of the lane's block with what the gate allows of the lane's own elements.
template <class E, bool kGated>
__device__ inline KeptBits shareKept(uint32_t keep, uint32_t allowed, int lane) {
  if constexpr (E::kPieces == 1) {
    const uint32_t kept = kGated ? keep & allowed : keep;
    return {kept, kept};
  } else {
    // Neighbours hold one half of each other's block: a nibble of the byte goes each way.
    const uint32_t theirs = __shfl_xor_sync(kAllLanes, kGated ? keep | allowed << 8 : keep, 1);
    const bool odd = lane & 1;
    uint32_t own = odd ? (theirs >> 4 & 0x0fu) | (keep & 0xf0u) : (keep & 0x0fu) | (theirs & 0x0fu) << 4;
    if (!kGated) return {own, keep};
    own &= allowed;
    const uint32_t block =
        odd ? (theirs >> 12 & 0x0fu) | (allowed & 0xf0u) : (allowed & 0x0fu) | (theirs >> 4 & 0xf0u);
    return {own, keep & block};
  }
}

// Where the draws of a call come from. Keys is KeySchedule, or PhiloxKey where the seed stands in a record.
template <class Keys>
struct KeepSource {
  Keys keys;
  uint64_t subsequence;

  __device__ KeepSource(const Keys& of_seed, uint64_t call)
      : keys(of_seed), subsequence(keepSubsequence(call)) {}
  __device__ PhiloxWords block(uint64_t index) const { return philoxRounds(subsequence, index, keys); }
};

using ScheduledSource = KeepSource<KeySchedule>;
using RecordedSource = KeepSource<PhiloxKey>;

// Decisions of a lane's pieces; all the same where one group covers the tile.
template <class E>
struct LaneDecisions {
  Decision piece[E::kPieces];

  __device__ uint32_t thresholdOfBlock(int lane) const {
    return E::kPieces == 2 && lane % 2 ? piece[E::kPieces - 1].threshold : piece[0].threshold;
  }
};

template <class E>
__device__ inline LaneDecisions<E> sameForAll(const Decision& decision) {
  LaneDecisions<E> decisions;
#pragma unroll
  for (int p = 0; p < E::kPieces; ++p) decisions.piece[p] = decision;
  return decisions;
}

template <class E>
__device__ inline LaneTile<E> scaled(const LaneTile<E>& values, uint32_t kept,
                                     const LaneDecisions<E>& decisions) {
  float scale[E::kPieces];
#pragma unroll
  for (int p = 0; p < E::kPieces; ++p) scale[p] = decisions.piece[p].scale;
  return scaleKept<E>(values, kept, scale);
}

// Mask bytes of a tile that lies whole in the tensor: all are written.
inline constexpr uint64_t kWholeMask = ~uint64_t{0};

// A tile of forward: `element` is its first element's index here, a multiple of 8; `valid` of its elements exist.
// The mask is written up to byte `mask_bytes`; bits past the last element are 0. Streaming: as in loadTile.
template <class E, Gate kGate, class Source>
__device__ inline void keepTile(const Elements& e, const Source& source, uint64_t element, int valid,
                                const LaneTile<E>& values, const LaneDecisions<E>& decisions, int lane,
                                uint64_t mask_bytes, bool streaming = false) {
  using Storage = typename E::Storage;
  const uint64_t first_block = (e.offset + element) / kLanesPerBlock;
  const int block = E::blockOfLane(lane);
  uint32_t keep =
      keepByte(source.block(first_block + static_cast<uint64_t>(block)), decisions.thresholdOfBlock(lane));
  uint32_t allowed = 0xffu;
  if constexpr (kGate == Gate::kPositiveInput) allowed = positiveBits<E>(values);
  if constexpr (kGate == Gate::kNonzeroPartner) {
    const Storage* partner = static_cast<const Storage*>(e.partner) + element;
    allowed = nonzeroBits<E>(valid == kTileElements ? loadTile<E>(partner, lane)
                                                    : loadPartialTile<E>(partner, lane, valid));
  }
  const int left = valid - block * kLaneElements;
  if (left < kLaneElements) keep &= left <= 0 ? 0u : (1u << left) - 1u;
  const KeptBits kept = shareKept<E, kGate != Gate::kNone>(keep, allowed, lane);
  const LaneTile<E> result = scaled<E>(values, kept.own, decisions);
  Storage* output = static_cast<Storage*>(e.output) + element;
  if (valid == kTileElements)
    storeTile<E>(result, output, lane, streaming);
  else
    storePartialTile<E>(result, output, lane, valid);
  if (e.mask) {
    const uint64_t byte = element / kLaneElements + static_cast<uint64_t>(block);
    if (byte < mask_bytes) reinterpret_cast<uint8_t*>(e.mask)[byte] = static_cast<uint8_t>(kept.byte);
  }
}

// Equal runs along the flat index (groups, units): how many begin after the first element of a tile, to element j.
struct Runs {
  uint64_t index;  // of the run that the tile begins in
  uint64_t used;   // elements of that run before the tile
  uint64_t size;   // 0: one endless run

  __device__ Runs(uint64_t element, uint64_t run_size)
      : index(run_size ? element / run_size : 0),
        used(run_size ? element - index * run_size : 0),
        size(run_size) {}
  __device__ uint32_t passed(uint32_t j) const {
    if (size == 0) return 0;
    if (size == 1) return j;
    if (size > kTileElements) return used + j >= size ? 1 : 0;
    return (static_cast<uint32_t>(used) + j) / static_cast<uint32_t>(size);
  }
};

// The row of the group that a tile begins in.
__device__ inline uint64_t rowOf(const Elements& e, const Runs& groups) {
  return e.group_size ? groups.index - e.first_group : 0;
}

// Decisions from records, where groups begin at multiples of 8 elements.
template <class E>
__device__ inline LaneDecisions<E> decisionsOf(const Elements& e, const jumpout_record* records,
                                               uint64_t element, int valid, int lane) {
  const Runs groups(e.offset + element, e.group_size);
  LaneDecisions<E> decisions;
#pragma unroll
  for (int p = 0; p < E::kPieces; ++p) {
    const int at = pieceStart<E>(p, lane);
    const uint64_t row = rowOf(e, groups) + groups.passed(at < valid ? at : valid - 1);
    decisions.piece[p] = decisionOf(records[row]);
  }
  return decisions;
}

}  // namespace jumpout::cuda
