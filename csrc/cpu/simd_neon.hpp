// The vector interface of kernels_impl.hpp on 64-bit Arm: two blocks, 16 elements, half a mask word at a time.
#pragma once

#include <arm_neon.h>

#include "cpu/kernels_impl.hpp"

namespace jumpout::cpu {
namespace {

struct Neon {
  using Wide = uint64x2_t;
  using Floats = float32x4_t;
  using Bits = uint16_t;
  using Decisions = uint8x16_t;  // one byte per element, 0xFF: keep
  using Threshold = uint16x8_t;
  static constexpr size_t kLanes = 2;
  static constexpr size_t kInterleave = 4;
  static constexpr bool kStreams = false;
  static constexpr size_t kVectorAlignment = sizeof(Floats);

  static Wide broadcast(uint64_t value) { return vdupq_n_u64(value); }
  static Wide blockOrder() { return vcombine_u64(vcreate_u64(0), vcreate_u64(1)); }
  static Wide add(Wide a, Wide b) { return vaddq_u64(a, b); }
  static Wide multiply(Wide a, Wide b) { return vmull_u32(vmovn_u64(a), vmovn_u64(b)); }
  static Wide highToLow(Wide a) { return vshrq_n_u64(a, 32); }
  static Wide lowToHigh(Wide a) { return vshlq_n_u64(a, 32); }
  static Wide exclusiveOr(Wide a, Wide b) { return veorq_u64(a, b); }
  static Wide exclusiveOr(Wide a, Wide b, Wide c) { return veorq_u64(a, veorq_u64(b, c)); }

  static Floats broadcastFloat(float value) { return vdupq_n_f32(value); }
  static Floats loadFloats(const float* p) { return vld1q_f32(p); }
  static Threshold threshold(uint32_t value) { return vdupq_n_u16(static_cast<uint16_t>(value)); }

  static Decisions decide(Wide words01, Wide words23, Threshold limit) {
    const Blocks lanes = unpack(words01, words23);
    return join(vcgeq_u16(lanes.first, limit), vcgeq_u16(lanes.second, limit));
  }
  static Decisions decideLanes(const uint16_t* lanes, const uint16_t* thresholds) {
    return join(vcgeq_u16(vld1q_u16(lanes), vld1q_u16(thresholds)),
                vcgeq_u16(vld1q_u16(lanes + 8), vld1q_u16(thresholds + 8)));
  }
  static Decisions fromBits(Bits bits) {
    const uint8x16_t spread =
        vcombine_u8(vdup_n_u8(static_cast<uint8_t>(bits)), vdup_n_u8(static_cast<uint8_t>(bits >> 8)));
    return vtstq_u8(spread, bitOfElement());
  }
  static Bits toBits(Decisions keep) {
    const uint8x16_t bits = vandq_u8(keep, bitOfElement());
    return static_cast<Bits>(vaddv_u8(vget_low_u8(bits)) | vaddv_u8(vget_high_u8(bits)) << 8);
  }
  static void storeLanes(Wide words01, Wide words23, uint16_t* lanes) {
    const Blocks blocks = unpack(words01, words23);
    vst1q_u16(lanes, blocks.first);
    vst1q_u16(lanes + 8, blocks.second);
  }

  template <Gate gate, Stores stores, class Scale>
  static Bits apply(Decisions keep, const float* input, const float* partner, const Scale& scale,
                    float* output) {
    const int8x16_t bytes = vreinterpretq_s8_u8(keep);
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    uint32x4_t kept[4] = {vreinterpretq_u32_s32(vmovl_s16(vget_low_s16(low))),
                          vreinterpretq_u32_s32(vmovl_s16(vget_high_s16(low))),
                          vreinterpretq_u32_s32(vmovl_s16(vget_low_s16(high))),
                          vreinterpretq_u32_s32(vmovl_s16(vget_high_s16(high)))};
    for (size_t quarter = 0; quarter < 4; ++quarter) {
      const size_t first = 4 * quarter;
      const float32x4_t x = vld1q_f32(input + first);
      if constexpr (gate == Gate::kPositiveInput)
        kept[quarter] = vandq_u32(kept[quarter], vcgtq_f32(x, vdupq_n_f32(0.0f)));
      if constexpr (gate == Gate::kNonzeroPartner)
        kept[quarter] = vbicq_u32(kept[quarter], vceqq_f32(vld1q_f32(partner + first), vdupq_n_f32(0.0f)));
      const uint32x4_t product = vreinterpretq_u32_f32(vmulq_f32(x, scale.at(first)));
      vst1q_f32(output + first, vreinterpretq_f32_u32(vandq_u32(product, kept[quarter])));
    }
    if constexpr (gate == Gate::kNone) return toBits(keep);
    return toBits(join(vcombine_u16(vmovn_u32(kept[0]), vmovn_u32(kept[1])),
                       vcombine_u16(vmovn_u32(kept[2]), vmovn_u32(kept[3]))));
  }

 private:
  struct Blocks {
    uint16x8_t first, second;
  };
  static Blocks unpack(Wide words01, Wide words23) {
    const uint64x2_t r01 = vreinterpretq_u64_u32(vrev64q_u32(vreinterpretq_u32_u64(words01)));
    const uint64x2_t r23 = vreinterpretq_u64_u32(vrev64q_u32(vreinterpretq_u32_u64(words23)));
    return {vreinterpretq_u16_u64(vzip1q_u64(r01, r23)), vreinterpretq_u16_u64(vzip2q_u64(r01, r23))};
  }
  static Decisions join(uint16x8_t low, uint16x8_t high) {
    return vcombine_u8(vmovn_u16(low), vmovn_u16(high));
  }
  static uint8x16_t bitOfElement() {
    const uint8x8_t bits = vcreate_u8(0x8040201008040201);
    return vcombine_u8(bits, bits);
  }
};

}  // namespace
}  // namespace jumpout::cpu
