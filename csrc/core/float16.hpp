// float16 (IEEE 754 binary16) and bfloat16 as float32: widening is exact, narrowing rounds to nearest even.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/host_device.hpp"

namespace jumpout {

JUMPOUT_HD inline uint32_t bitsOfFloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

JUMPOUT_HD inline float floatOfBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

JUMPOUT_HD inline float widenBFloat16(uint16_t bits) {
  return floatOfBits(static_cast<uint32_t>(bits) << 16);
}

JUMPOUT_HD inline uint16_t narrowBFloat16(float value) {
  const uint32_t bits = bitsOfFloat(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);  // NaN stays NaN
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

JUMPOUT_HD inline float widenFloat16(uint16_t bits) {
  constexpr float k2Pow112 = 0x1p112f;
  const uint32_t sign = (bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return floatOfBits(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  // Exponents differ by 112; the product is exact and makes subnormals normal.
  return floatOfBits(sign | bitsOfFloat(floatOfBits(magnitude << 13) * k2Pow112));
}

JUMPOUT_HD inline uint16_t narrowFloat16(float value) {
  constexpr uint32_t kSmallestOverflow = 0x477ff000u;  // 65520: half way beyond the largest finite value
  constexpr uint32_t kSmallestNormal = 0x38800000u;    // 2^-14
  const uint32_t bits = bitsOfFloat(value);
  const uint32_t sign = bits >> 16 & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= kSmallestOverflow) return static_cast<uint16_t>(sign | 0x7c00u);
  // Below 2^-14 the sum with 0.5 has the spacing of float16's subnormals, and rounds as they do.
  if (magnitude < kSmallestNormal)
    return static_cast<uint16_t>(sign | (bitsOfFloat(floatOfBits(magnitude) + 0.5f) - bitsOfFloat(0.5f)));
  const uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
  return static_cast<uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
}

}  // namespace jumpout
