// The vector interface of kernels_impl.hpp with one lane: the reference that every other set equals to the bit.
#pragma once

#include "cpu/kernels_impl.hpp"

namespace jumpout::cpu {
namespace {

struct Scalar {
  using Wide = uint64_t;
  using Floats = float;
  using Bits = uint8_t;
  using Decisions = uint8_t;
  using Threshold = uint32_t;
  static constexpr size_t kLanes = 1;
  static constexpr size_t kInterleave = 4;
  static constexpr bool kStreams = false;
  static constexpr size_t kVectorAlignment = sizeof(Floats);

  static Wide broadcast(uint64_t value) { return value; }
  static Wide blockOrder() { return 0; }
  static Wide add(Wide a, Wide b) { return a + b; }
  static Wide multiply(Wide a, Wide b) { return uint64_t{lowWord(a)} * lowWord(b); }
  static Wide highToLow(Wide a) { return a >> 32; }
  static Wide lowToHigh(Wide a) { return a << 32; }
  static Wide exclusiveOr(Wide a, Wide b) { return a ^ b; }
  static Wide exclusiveOr(Wide a, Wide b, Wide c) { return a ^ b ^ c; }

  static Floats broadcastFloat(float value) { return value; }

  static Threshold threshold(uint32_t value) { return value; }

  static uint16_t lane(Wide words01, Wide words23, int i) {
    const uint64_t words = i < 4 ? words01 : words23;
    const uint32_t word = i & 2 ? lowWord(words) : highWord(words);
    return static_cast<uint16_t>(i & 1 ? word >> 16 : word);
  }
  static Decisions decide(Wide words01, Wide words23, Threshold limit) {
    unsigned bits = 0;
    for (int i = 0; i < 8; ++i) bits |= static_cast<unsigned>(lane(words01, words23, i) >= limit) << i;
    return static_cast<Decisions>(bits);
  }
  static Decisions decideLanes(const uint16_t* lanes, const uint16_t* thresholds) {
    unsigned bits = 0;
    for (int i = 0; i < 8; ++i) bits |= static_cast<unsigned>(lanes[i] >= thresholds[i]) << i;
    return static_cast<Decisions>(bits);
  }
  static Decisions fromBits(Bits bits) { return bits; }
  static Bits toBits(Decisions keep) { return keep; }
  static void storeLanes(Wide words01, Wide words23, uint16_t* lanes) {
    for (int i = 0; i < 8; ++i) lanes[i] = lane(words01, words23, i);
  }

  template <Gate gate, Stores stores, class Scale>
  static Bits apply(Decisions keep, const float* input, const float* partner, const Scale& scale,
                    float* output) {
    unsigned bits = 0;
    for (size_t i = 0; i < 8; ++i) {
      const float x = input[i];
      bool kept = keep >> i & 1;
      if constexpr (gate == Gate::kPositiveInput) kept &= x > 0.0f;
      if constexpr (gate == Gate::kNonzeroPartner) kept &= partner[i] != 0.0f;
      const float product = x * scale.at(i);
      output[i] = kept ? product : 0.0f;
      bits |= static_cast<unsigned>(kept) << i;
    }
    return static_cast<Bits>(bits);
  }
  static Floats loadFloats(const float* p) { return *p; }
};

}  // namespace
}  // namespace jumpout::cpu
