// The one kernel, over a small vector interface V (simd_scalar.hpp is the simplest reading of it):
//   Wide        kLanes Philox states, one 32-bit word each in the low half of a 64-bit lane
//   Decisions   keep or drop, for the kChunk = 8 * kLanes elements of one Wide
//   Bits        the same packed, an unsigned integer of kChunk bits
// Variants tried: docs/performance.md.
#pragma once

#include <bit>
#include <cstring>
#include <type_traits>

#include "core/philox.hpp"
#include "cpu/kernels.hpp"

namespace jumpout::cpu {
// Internal linkage: each including file is compiled for another instruction set, and the linker must not merge them.
namespace {

static_assert(std::endian::native == std::endian::little,
              "masks are written as bytes of little-endian words");

constexpr size_t kPrefetchBytes = 4096;

void prefetch(const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  // As an integer: no pointer may lie so far past the end.
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(address) + kPrefetchBytes));
#else
  static_cast<void>(address);
#endif
}

// Philox on V::kLanes consecutive blocks at a time. Keeping each word in a 64-bit lane lets a widening product be the next
// state: its high half by a shift, its low half in place, upper bits ignored.
template <class V>
class WidePhilox {
 public:
  using Wide = typename V::Wide;

  // The blocks to come share their high word: the caller splits where it would change.
  explicit WidePhilox(const Draws& draws) {
    uint32_t key0[philox::kRounds], key1[philox::kRounds];
    for (uint32_t round = 0; round < philox::kRounds; ++round) {
      key0[round] = lowWord(draws.seed) + round * philox::kWeyl0;
      key1[round] = highWord(draws.seed) + round * philox::kWeyl1;
      key0_[round] = V::broadcast(key0[round]);
      key1_[round] = V::broadcast(key1[round]);
    }
    key0_[philox::kRounds - 1] = V::lowToHigh(key0_[philox::kRounds - 1]);
    key1_[philox::kRounds - 1] = V::lowToHigh(key1_[philox::kRounds - 1]);
    multiplier0_ = V::broadcast(philox::kMultiplier0);
    multiplier1_ = V::broadcast(philox::kMultiplier1);

    // Rounds 0 and 1 have one product each that no block index reaches: folded into constants here.
    const uint64_t round0 = uint64_t{philox::kMultiplier1} * lowWord(draws.subsequence);
    const uint32_t c0 = highWord(round0) ^ highWord(draws.first_block) ^ key0[0];
    const uint64_t round1 = uint64_t{philox::kMultiplier0} * c0;
    round0_c2_ = V::broadcast(highWord(draws.subsequence) ^ key1[0]);
    round1_c0_ = V::broadcast(lowWord(round0) ^ key0[1]);
    round1_c2_ = V::broadcast(highWord(round1) ^ key1[1]);
    round2_c2_ = V::broadcast(lowWord(round1) ^ key1[2]);
  }

  // Round 0's product for V::kLanes blocks from `block` on.
  Wide start(uint32_t block) const {
    return V::multiply(V::add(V::broadcast(block), V::blockOrder()), multiplier0_);
  }
  // The increment of start() when the blocks advance: products are linear in the block index.
  static Wide stride(uint64_t blocks) { return V::broadcast(blocks * philox::kMultiplier0); }

  // The block's words as two vectors of 64-bit lanes: (r1 | r0 << 32) and (r3 | r2 << 32).
  void draw(Wide product0, Wide& words01, Wide& words23) const {
    Wide c2 = V::exclusiveOr(V::highToLow(product0), round0_c2_);
    Wide c3 = product0;
    Wide product1 = V::multiply(c2, multiplier1_);
    Wide c0 = V::exclusiveOr(V::highToLow(product1), round1_c0_);
    Wide c1 = product1;
    c2 = V::exclusiveOr(c3, round1_c2_);
    product0 = V::multiply(c0, multiplier0_);
    product1 = V::multiply(c2, multiplier1_);
    c0 = V::exclusiveOr(V::highToLow(product1), c1, key0_[2]);
    c2 = V::exclusiveOr(V::highToLow(product0), round2_c2_);
    for (int round = 3; round < philox::kRounds - 1; ++round) {
      c1 = product1;
      c3 = product0;
      product0 = V::multiply(c0, multiplier0_);
      product1 = V::multiply(c2, multiplier1_);
      c0 = V::exclusiveOr(V::highToLow(product1), c1, key0_[round]);
      c2 = V::exclusiveOr(V::highToLow(product0), c3, key1_[round]);
    }
    c1 = product1;
    c3 = product0;
    constexpr int kLast = philox::kRounds - 1;
    words01 = V::exclusiveOr(V::multiply(c2, multiplier1_), V::lowToHigh(c1), key0_[kLast]);
    words23 = V::exclusiveOr(V::multiply(c0, multiplier0_), V::lowToHigh(c3), key1_[kLast]);
  }

 private:
  Wide key0_[philox::kRounds], key1_[philox::kRounds];
  Wide multiplier0_, multiplier1_;
  Wide round0_c2_, round1_c0_, round1_c2_, round2_c2_;
};

template <class V>
constexpr size_t kChunk = 8 * V::kLanes;

template <class V>
struct UniformScale {
  typename V::Floats value;
  explicit UniformScale(float scale) : value(V::broadcastFloat(scale)) {}
  typename V::Floats at(size_t) const { return value; }
  UniformScale from(size_t) const { return *this; }
};

template <class V>
struct ElementScales {
  const float* first;
  typename V::Floats at(size_t element) const { return V::loadFloats(first + element); }
  ElementScales from(size_t element) const { return {first + element}; }
};

template <class Bits>
void storeBits(uint32_t* mask, size_t element, Bits bits) {
  std::memcpy(reinterpret_cast<unsigned char*>(mask) + element / 8, &bits, sizeof bits);
}

template <class Bits>
Bits loadBits(const uint32_t* mask, size_t element) {
  Bits bits;
  std::memcpy(&bits, reinterpret_cast<const unsigned char*>(mask) + element / 8, sizeof bits);
  return bits;
}

// Runs `step` over a range of fewer elements than a step holds, on padded copies; bits past the end come out 0.
template <size_t kStep, class Step>
void padded(const Range& range, size_t begin, Step&& step) {
  alignas(64) float input[kStep] = {};
  alignas(64) float partner[kStep] = {};
  alignas(64) float output[kStep];
  uint32_t mask[kStep / 32 + 1] = {};
  const size_t count = range.length - begin;
  std::memcpy(input, range.input + begin, count * sizeof(float));
  if (range.partner) std::memcpy(partner, range.partner + begin, count * sizeof(float));
  step(Range{input, partner, output, range.mask ? mask : nullptr, kStep, Stores::kCached});
  std::memcpy(range.output + begin, output, count * sizeof(float));
  if (range.mask) {
    unsigned char* bytes = reinterpret_cast<unsigned char*>(mask);
    if (count % 8) bytes[count / 8] &= static_cast<unsigned char>((1u << count % 8) - 1);
    // A range may end inside a word: the bytes after it belong to the next range, or are cleared by the backend.
    std::memcpy(reinterpret_cast<unsigned char*>(range.mask) + begin / 8, bytes, (count + 7) / 8);
  }
}

template <Stores stores>
using StoresConstant = std::integral_constant<Stores, stores>;

// Calls body with `stores` as a constant.
template <class V, class Body>
void withStores(Stores stores, const Body& body) {
  if constexpr (V::kStreams) {
    if (stores == Stores::kVectors) return body(StoresConstant<Stores::kVectors>{});
    if (stores == Stores::kPieces) return body(StoresConstant<Stores::kPieces>{});
  }
  body(StoresConstant<Stores::kCached>{});
}

template <class V, Gate gate, Stores stores>
void applyDrawsTo(const Range& range, const Draws& draws, uint32_t threshold, float scale) {
  constexpr size_t kStep = kChunk<V> * V::kInterleave;
  const WidePhilox<V> philox(draws);
  const auto limit = V::threshold(threshold);
  const UniformScale<V> scales(scale);
  const typename V::Wide stride = WidePhilox<V>::stride(kStep / 8);
  typename V::Wide next[V::kInterleave];
  for (size_t k = 0; k < V::kInterleave; ++k)
    next[k] = philox.start(lowWord(draws.first_block) + k * V::kLanes);

  const auto step = [&](const Range& r, size_t i, auto written) {
    typename V::Wide words01[V::kInterleave], words23[V::kInterleave];
    for (size_t k = 0; k < V::kInterleave; ++k) {
      philox.draw(next[k], words01[k], words23[k]);
      next[k] = V::add(next[k], stride);
    }
    for (size_t k = 0; k < V::kInterleave; ++k) {
      const size_t at = i + k * kChunk<V>;
      for (size_t line = 0; line < kChunk<V> * sizeof(float); line += 64)
        prefetch(reinterpret_cast<const char*>(r.input + at) + line);
      const auto keep = V::decide(words01[k], words23[k], limit);
      const auto bits = V::template apply<gate, decltype(written)::value>(
          keep, r.input + at, gate == Gate::kNonzeroPartner ? r.partner + at : nullptr, scales,
          r.output + at);
      if (r.mask) storeBits(r.mask, at, bits);
    }
  };
  size_t i = 0;
  for (; i + kStep <= range.length; i += kStep) step(range, i, StoresConstant<stores>{});
  if (i < range.length)
    padded<kStep>(range, i, [&](const Range& tail) { step(tail, 0, StoresConstant<Stores::kCached>{}); });
  if constexpr (stores != Stores::kCached) V::fence();
}

template <class V, Gate gate>
void applyDrawsGated(const Range& range, const Draws& draws, uint32_t threshold, float scale) {
  withStores<V>(range.stores, [&](auto stores) {
    applyDrawsTo<V, gate, decltype(stores)::value>(range, draws, threshold, scale);
  });
}

// Calls `body(part, done, count)` for stretches of blocks that share their high word.
template <class Body>
void splitAtCarry(const Draws& draws, uint64_t blocks, Body&& body) {
  for (uint64_t done = 0; done < blocks;) {
    const Draws part{draws.seed, draws.subsequence, draws.first_block + done};
    const uint64_t until_carry = (uint64_t{1} << 32) - lowWord(part.first_block);
    const uint64_t count = blocks - done < until_carry ? blocks - done : until_carry;
    body(part, done, count);
    done += count;
  }
}

template <class V>
void applyDraws(Gate gate, const Range& range, const Draws& draws, uint32_t threshold, float scale) {
  splitAtCarry(draws, (range.length + 7) / 8, [&](const Draws& part, uint64_t done, uint64_t blocks) {
    const size_t begin = static_cast<size_t>(done * 8);
    Range r = range;
    r.input += begin;
    r.output += begin;
    if (r.partner) r.partner += begin;
    if (r.mask) r.mask = reinterpret_cast<uint32_t*>(reinterpret_cast<unsigned char*>(r.mask) + done);
    r.length = begin + blocks * 8 < range.length ? static_cast<size_t>(blocks * 8) : range.length - begin;
    switch (gate) {
      case Gate::kNone: return applyDrawsGated<V, Gate::kNone>(r, part, threshold, scale);
      case Gate::kPositiveInput: return applyDrawsGated<V, Gate::kPositiveInput>(r, part, threshold, scale);
      case Gate::kNonzeroPartner: return applyDrawsGated<V, Gate::kNonzeroPartner>(r, part, threshold, scale);
    }
  });
}

template <class V, Gate gate>
void applyLanesGated(const Range& range, const uint16_t* lanes, const uint16_t* thresholds,
                     const float* scales) {
  const auto step = [&](const Range& r, size_t i, size_t source) {
    const auto keep = V::decideLanes(lanes + source, thresholds + source);
    const auto bits = V::template apply<gate, Stores::kCached>(
        keep, r.input + i, gate == Gate::kNonzeroPartner ? r.partner + i : nullptr,
        ElementScales<V>{scales + source}, r.output + i);
    if (r.mask) storeBits(r.mask, i, bits);
  };
  size_t i = 0;
  for (; i + kChunk<V> <= range.length; i += kChunk<V>) step(range, i, i);
  if (i < range.length) padded<kChunk<V>>(range, i, [&](const Range& tail) { step(tail, 0, i); });
}

template <class V>
void applyLanes(Gate gate, const Range& range, const uint16_t* lanes, const uint16_t* thresholds,
                const float* scales) {
  switch (gate) {
    case Gate::kNone: return applyLanesGated<V, Gate::kNone>(range, lanes, thresholds, scales);
    case Gate::kPositiveInput:
      return applyLanesGated<V, Gate::kPositiveInput>(range, lanes, thresholds, scales);
    case Gate::kNonzeroPartner:
      return applyLanesGated<V, Gate::kNonzeroPartner>(range, lanes, thresholds, scales);
  }
}

template <class V, Gate gate, Stores stores, class Scale>
void applyMaskTo(const Range& range, const uint32_t* kept, const Scale& scale) {
  using Bits = typename V::Bits;
  const auto step = [&](const Range& r, size_t i, Bits bits, const auto& scales, auto written) {
    const Bits passed = V::template apply<gate, decltype(written)::value>(
        V::fromBits(bits), r.input + i, gate == Gate::kNonzeroPartner ? r.partner + i : nullptr, scales,
        r.output + i);
    if (r.mask) storeBits(r.mask, i, passed);
  };
  size_t i = 0;
  for (; i + kChunk<V> <= range.length; i += kChunk<V>) {
    for (size_t line = 0; line < kChunk<V> * sizeof(float); line += 64)
      prefetch(reinterpret_cast<const char*>(range.input + i) + line);
    step(range, i, loadBits<Bits>(kept, i), scale.from(i), StoresConstant<stores>{});
  }
  if (i < range.length) {
    Bits bits = 0;
    std::memcpy(&bits, reinterpret_cast<const unsigned char*>(kept) + i / 8, (range.length - i + 7) / 8);
    padded<kChunk<V>>(range, i, [&](const Range& tail) {
      step(tail, 0, bits, scale.from(i), StoresConstant<Stores::kCached>{});
    });
  }
  if constexpr (stores != Stores::kCached) V::fence();
}

template <class V, Gate gate>
void applyMaskGated(const Range& range, const uint32_t* kept, float scale, const float* scales) {
  if (scales) return applyMaskTo<V, gate, Stores::kCached>(range, kept, ElementScales<V>{scales});
  const UniformScale<V> uniform(scale);
  withStores<V>(range.stores,
                [&](auto stores) { applyMaskTo<V, gate, decltype(stores)::value>(range, kept, uniform); });
}

template <class V>
void applyMask(Gate gate, const Range& range, const uint32_t* kept, float scale, const float* scales) {
  switch (gate) {
    case Gate::kNone: return applyMaskGated<V, Gate::kNone>(range, kept, scale, scales);
    case Gate::kPositiveInput: return applyMaskGated<V, Gate::kPositiveInput>(range, kept, scale, scales);
    case Gate::kNonzeroPartner: return applyMaskGated<V, Gate::kNonzeroPartner>(range, kept, scale, scales);
  }
}

template <class V>
void drawLanes(const Draws& draws, size_t blocks, uint16_t* lanes) {
  splitAtCarry(draws, blocks, [&](const Draws& part, uint64_t done, uint64_t count) {
    const WidePhilox<V> philox(part);
    const typename V::Wide stride = WidePhilox<V>::stride(V::kLanes);
    typename V::Wide next = philox.start(lowWord(part.first_block));
    for (uint64_t block = 0; block < count; block += V::kLanes) {
      typename V::Wide words01, words23;
      philox.draw(next, words01, words23);
      next = V::add(next, stride);
      V::storeLanes(words01, words23, lanes + (done + block) * 8);
    }
  });
}

template <class V>
void decideLanes(const uint16_t* lanes, size_t count, uint32_t threshold, uint32_t* kept) {
  static_assert(kDecisionPadding % kChunk<V> == 0);
  uint16_t thresholds[kChunk<V>];
  for (uint16_t& each : thresholds) each = static_cast<uint16_t>(threshold);
  for (size_t i = 0; i < count; i += kChunk<V>)
    storeBits(kept, i, V::toBits(V::decideLanes(lanes + i, thresholds)));
}

// A plain loop: with a narrow accumulator, compilers vectorise it as well as intrinsics would.
template <class V>
uint64_t countActive(const float* input, size_t length) {
  constexpr size_t kNarrow = size_t{1} << 20;
  uint64_t total = 0;
  for (size_t begin = 0; begin < length; begin += kNarrow) {
    const size_t end = length - begin < kNarrow ? length : begin + kNarrow;
    uint32_t active = 0;
#if defined(__GNUC__)
#pragma GCC unroll 4  // loop control is two fifths of the instructions otherwise
#endif
    for (size_t i = begin; i < end; ++i) active += input[i] > 0.0f;
    total += active;
  }
  return total;
}

template <class V>
constexpr Kernels kKernels{countActive<V>, applyDraws<V>,  applyLanes<V>, applyMask<V>,
                           drawLanes<V>,   decideLanes<V>, V::kStreams,   V::kVectorAlignment};

}  // namespace
}  // namespace jumpout::cpu
