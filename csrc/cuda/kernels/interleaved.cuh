// Masking and scaling where channels are interleaved, a multiple of 8 of them: a block still decides 8 neighbours, but
// blocks come again with each pixel. Rates from records; in forward, and in backward with the mask drawn again.
//
// Shapes and bytes as in apply.cuh. Registers on sm_90: at most 64. No shared memory.
#pragma once

#include "cuda/kernels/apply.cuh"

namespace jumpout::cuda {

// Division of numbers below 2^61 by a product: the multiplier is 2^(63 + shift) / divisor, rounded up.
struct Divisor {
  uint64_t multiplier;
  uint32_t shift;

  explicit Divisor(uint64_t divisor) : multiplier(0), shift(0) {
    // Twice all numbers, so that a divisor of 1 needs no case of its own. Exact, as 2^62 <= 2^(64 + shift) / twice.
    const uint64_t twice = 2 * divisor;
    while ((twice - 1) >> shift >= 4) ++shift;
    uint64_t rest = 1;
    for (uint32_t bit = 0; bit < 64 + shift; ++bit) {
      rest *= 2;
      multiplier = 2 * multiplier + (rest >= twice);
      if (rest >= twice) rest -= twice;
    }
    if (rest) ++multiplier;
  }
  __device__ uint64_t quotient(uint64_t number) const { return __umul64hi(2 * number, multiplier) >> shift; }
};

// From the blocks of a tensor whose elements are all units of their own to those of its channels.
struct Turns {
  uint64_t blocks;  // of a pixel
  Divisor pixel, sample;

  explicit Turns(const Elements& e)
      : blocks(e.channels / kLanesPerBlock), pixel(blocks), sample(blocks * e.unit_size) {}
  __device__ uint64_t blockAt(uint64_t index) const {
    return index - (pixel.quotient(index) - sample.quotient(index)) * blocks;
  }
};

struct InterleavedSource {
  RecordedSource source;
  Turns turns;

  __device__ PhiloxWords block(uint64_t index) const { return source.block(turns.blockAt(index)); }
};

template <class E, Gate kGate, bool kGrouped>
__global__ void __launch_bounds__(kApplyThreads, residentBlocks(kApplyThreads, kApplyBlocks<true>))
    interleavedKernel(Elements e, const jumpout_record* records, Turns turns) {
  applyTiles<E, kGate, kGrouped, false>(e, records, [&] {
    return Drawn<InterleavedSource>{{{PhiloxKey{records->seed}, records->call}, turns}, decisionOf(*records)};
  });
}

}  // namespace jumpout::cuda
