// Any alignment, groups, units and shards: one element per lane, the draws of a tile shared by its warp.
//
// Shapes: input [length] -> output [length], mask; rates from records [groups]. Bytes per element: read once,
// written once, and 1/8 of mask, written or, if saved, read. Backward with ReLU may read the output as well.
// Registers on sm_90: 54. Shared memory: 4224 bytes per block, the words drawn for one tile per warp.
#pragma once

#include "cuda/kernels/keep.cuh"

namespace jumpout::cuda {

inline constexpr int kGeneralThreads = 256;
inline constexpr int kGeneralBlocks = 4;  // resident per multiprocessor: 64 registers per thread
inline constexpr int kWarpsOfGeneral = kGeneralThreads / kWarp;
// Units never outnumber elements; a tile that begins inside a block touches one block more.
inline constexpr int kBlocksOfTile = kTileElements / kLanesPerBlock + 1;
inline constexpr int kWordsOfTile = 4 * kBlocksOfTile;

// Interleaved channels: neighbours share no block in general, so each lane draws the block of its own element.
struct InterleavedUnits {
  Runs samples, pixels;

  __device__ InterleavedUnits(const Elements& e, uint64_t element)
      : samples(e.offset + element, e.channels * e.unit_size), pixels(e.offset + element, e.channels) {}
  __device__ uint64_t of(uint32_t j) const {
    const uint64_t channel = pixels.used + j - pixels.passed(j) * pixels.size;
    return (samples.index + samples.passed(j)) * pixels.size + channel;
  }
  template <class Source>
  __device__ bool keeps(uint32_t j, const Source& source, uint32_t threshold) const {
    const uint64_t unit = of(j);
    return keepByte(source.block(unit / kLanesPerBlock), threshold) >> unit % kLanesPerBlock & 1u;
  }
};

// `kept`: a saved mask, read in place of draws, or nullptr.
template <class E>
__global__ void __launch_bounds__(kGeneralThreads, residentBlocks(kGeneralThreads, kGeneralBlocks))
    generalKernel(Elements e, const jumpout_record* records, Gate gate, const uint32_t* kept) {
  using Storage = typename E::Storage;
  SHARED_ARRAY(uint32_t, drawn_words, kWarpsOfGeneral* kWordsOfTile);
  const auto* input = static_cast<const Storage*>(e.input);
  const auto* partner = static_cast<const Storage*>(e.partner);
  auto* output = static_cast<Storage*>(e.output);
  uint32_t* words = drawn_words + warpIndex() * kWordsOfTile;
  const int lane = laneIndex();
  const RecordedSource source(PhiloxKey{records->seed}, records->call);
  const uint64_t warps = gridWarps();
  const uint64_t tiles = tilesOf(e);
  for (uint64_t tile = gridWarpIndex(); tile < tiles; tile += warps) {
    const uint64_t element = tile * kTileElements;
    const auto valid = static_cast<uint32_t>(validAt(e, element));
    const Runs groups(e.offset + element, e.group_size);
    const Runs units(e.offset + element, e.channels ? 0 : e.unit_size);
    const InterleavedUnits interleaved(e, element);
    const uint32_t first_lane = static_cast<uint32_t>(units.index % kLanesPerBlock);
    if (!kept && !e.channels) {
      const uint64_t first_block = units.index / kLanesPerBlock;
      const uint32_t blocks = (first_lane + units.passed(valid - 1)) / kLanesPerBlock + 1;
      for (uint32_t block = lane; block < blocks; block += kWarp) {
        const PhiloxWords drawn = source.block(first_block + block);
#pragma unroll
        for (int i = 0; i < 4; ++i) words[4 * block + i] = drawn.word[i];
      }
      __syncwarp();
    }
    for (uint32_t base = 0; base < valid; base += kWarp) {
      const uint32_t j = base + lane;
      bool keep = false;
      float x = 0.0f, scale = 0.0f;
      if (j < valid) {
        const jumpout_record& record = records[rowOf(e, groups) + groups.passed(j)];
        scale = record.scale;
        x = E::widen(input[element + j]);
        if (kept) {
          keep = kept[(element + base) / kMaskWordBits] >> lane & 1u;
        } else if (e.channels) {
          keep = interleaved.keeps(j, source, record.threshold);
        } else {
          const uint32_t unit = first_lane + units.passed(j);
          const uint32_t value = words[unit / 2] >> (unit % 2 * 16) & 0xffffu;
          keep = value >= record.threshold;
        }
        if (gate == Gate::kPositiveInput) keep = keep && x > 0.0f;
        if (gate == Gate::kNonzeroPartner) keep = keep && E::widen(partner[element + j]) != 0.0f;
      }
      const uint32_t word = __ballot_sync(kAllLanes, keep);
      if (e.mask && lane == 0) e.mask[(element + base) / kMaskWordBits] = word;
      if (j < valid) output[element + j] = E::narrow(keep ? __fmul_rn(x, scale) : 0.0f);
    }
    __syncwarp();  // before the next tile's draws overwrite these
  }
}

}  // namespace jumpout::cuda
