// float32, float16 and bfloat16 as bit patterns: exact widening, rounding to nearest even. Shares nothing with csrc.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "jumpout.h"

namespace device_tests {

inline constexpr jumpout_dtype kDtypes[] = {JUMPOUT_FLOAT32, JUMPOUT_FLOAT16, JUMPOUT_BFLOAT16};

inline size_t bytesOf(jumpout_dtype dtype) { return dtype == JUMPOUT_FLOAT32 ? 4 : 2; }

inline const char* nameOf(jumpout_dtype dtype) {
  return dtype == JUMPOUT_FLOAT32 ? "float32" : dtype == JUMPOUT_FLOAT16 ? "float16" : "bfloat16";
}

inline float floatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint32_t bitsOfFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// How a binary floating-point format of at most 32 bits spends them.
struct Format {
  int exponent_bits, mantissa_bits;
  uint32_t exponentMask() const { return (1u << exponent_bits) - 1; }
  uint32_t mantissaMask() const { return (1u << mantissa_bits) - 1; }
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  uint32_t signBit() const { return 1u << (exponent_bits + mantissa_bits); }
};

inline Format formatOf(jumpout_dtype dtype) {
  return dtype == JUMPOUT_FLOAT32 ? Format{8, 23} : dtype == JUMPOUT_FLOAT16 ? Format{5, 10} : Format{8, 7};
}

inline float powerOfTwo(int exponent) {
  if (exponent >= -126) return floatOfBits(static_cast<uint32_t>(exponent + 127) << 23);
  return floatOfBits(1u << (exponent + 149));
}

inline bool isNan(jumpout_dtype dtype, uint32_t bits) {
  const Format format = formatOf(dtype);
  return (bits & (format.signBit() - 1)) > format.exponentMask() << format.mantissa_bits;
}

// By bits, but any NaN equals any NaN.
inline bool sameValue(jumpout_dtype dtype, uint32_t a, uint32_t b) {
  return a == b || (isNan(dtype, a) && isNan(dtype, b));
}

inline float widen(jumpout_dtype dtype, uint32_t bits) {
  if (dtype == JUMPOUT_FLOAT32) return floatOfBits(bits);
  const Format format = formatOf(dtype);
  const uint32_t exponent = bits >> format.mantissa_bits & format.exponentMask();
  const uint32_t mantissa = bits & format.mantissaMask();
  const int ulp_of_smallest = 1 - format.bias() - format.mantissa_bits;
  float magnitude;
  if (exponent == format.exponentMask()) {
    magnitude = mantissa ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  } else if (exponent == 0) {
    magnitude = static_cast<float>(mantissa) * powerOfTwo(ulp_of_smallest);
  } else {
    const uint32_t significand = mantissa | 1u << format.mantissa_bits;
    magnitude = floatOfBits((exponent - static_cast<uint32_t>(format.bias()) + 127u) << 23 |
                            (significand & format.mantissaMask()) << (23 - format.mantissa_bits));
  }
  return bits & format.signBit() ? -magnitude : magnitude;
}

// To the nearest, ties to the even one; too large becomes infinity.
inline uint32_t narrow(jumpout_dtype dtype, float value) {
  const uint32_t bits = bitsOfFloat(value);
  if (dtype == JUMPOUT_FLOAT32) return bits;
  const Format format = formatOf(dtype);
  const uint32_t sign = bits >> 31 ? format.signBit() : 0;
  const uint32_t infinity = format.exponentMask() << format.mantissa_bits;
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return sign | infinity | 1;
  if (magnitude == 0x7F800000) return sign | infinity;
  // The significand as an integer of 24 bits, and how many of its low bits do not fit.
  const int exponent = static_cast<int>(magnitude >> 23);
  const uint32_t significand = (magnitude & 0x7FFFFF) | (exponent ? 0x800000u : 0u);
  const int target = (exponent ? exponent : 1) - 127 + format.bias();  // the biased exponent it would have
  int dropped = 23 - format.mantissa_bits;
  if (target < 1) dropped += 1 - target;
  if (dropped > 25) return sign;
  const uint64_t half = uint64_t{1} << (dropped - 1), rest = significand & ((uint64_t{1} << dropped) - 1);
  uint64_t rounded = significand >> dropped;
  rounded += rest > half || (rest == half && (rounded & 1));
  // Adding the significand to the exponent's place carries where rounding reached the next power of two.
  const uint64_t result =
      target < 1 ? rounded : (static_cast<uint64_t>(target - 1) << format.mantissa_bits) + rounded;
  return sign | static_cast<uint32_t>(result >= infinity ? infinity : result);
}

// Elements of an array of either width, by index.
inline uint32_t load(jumpout_dtype dtype, const void* elements, size_t index) {
  if (dtype == JUMPOUT_FLOAT32) {
    uint32_t bits;
    std::memcpy(&bits, static_cast<const char*>(elements) + 4 * index, 4);
    return bits;
  }
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char*>(elements) + 2 * index, 2);
  return bits;
}

inline void store(jumpout_dtype dtype, void* elements, size_t index, uint32_t bits) {
  const uint16_t narrow_bits = static_cast<uint16_t>(bits);
  if (dtype == JUMPOUT_FLOAT32)
    std::memcpy(static_cast<char*>(elements) + 4 * index, &bits, 4);
  else
    std::memcpy(static_cast<char*>(elements) + 2 * index, &narrow_bits, 2);
}

}  // namespace device_tests
