// One call as named numbers: what lib writes for the addon, and what TensorFlow's operation takes as a tensor.
#pragma once

#include <cstddef>
#include <cstdint>

#include "jumpout.h"

// The one list of names, in order; the addon exports it, lib/native.ts takes the positions from it and refuses other names.
// 64-bit seeds and calls are two 32-bit halves, booleans 0 and 1, a rate to be drawn NaN.
#define JUMPOUT_DESCRIPTOR_FIELDS(FIELD) \
  JUMPOUT_OPTION_FIELDS(FIELD)           \
  FIELD(seedLow)                         \
  FIELD(seedHigh)                        \
  FIELD(callLow)                         \
  FIELD(callHigh)                        \
  FIELD(elementOffset)                   \
  FIELD(groupSize)                       \
  FIELD(unitSize)                        \
  FIELD(channels)                        \
  FIELD(counted)

// The fields of jumpout_options: name in JavaScript, name in C.
#define JUMPOUT_OPTION_FIELDS(FIELD) \
  FIELD(sigma, sigma)                \
  FIELD(pMin, p_min)                 \
  FIELD(pMax, p_max)                 \
  FIELD(rate, rate)                  \
  FIELD(maxRate, max_rate)           \
  FIELD(exponent, exponent)          \
  FIELD(normalize, normalize)        \
  FIELD(relu, relu)

namespace jumpout {

// Thrown where a number is none of its field's integers.
struct NotAnInteger {};

inline constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

// For limits up to 2^53. Conversions outside the range of the integer are undefined behaviour, so they are checked first; NaN
// fails too.
inline uint64_t integerBelow(double limit, double value) {
  if (!(value >= 0.0 && value < limit)) throw NotAnInteger{};
  const auto integer = static_cast<int64_t>(value);
  if (static_cast<double>(integer) != value) throw NotAnInteger{};
  return static_cast<uint64_t>(integer);
}

struct Descriptor {
#define JUMPOUT_MEMBER(name, ...) double name;
  JUMPOUT_DESCRIPTOR_FIELDS(JUMPOUT_MEMBER)
#undef JUMPOUT_MEMBER

  jumpout_options options() const {
    jumpout_options options;
#define JUMPOUT_SET(name, member) set(options.member, name);
    JUMPOUT_OPTION_FIELDS(JUMPOUT_SET)
#undef JUMPOUT_SET
    return options;
  }

  // These throw NotAnInteger.
  jumpout_layout layout() const {
    return {integerBelow(kExactIntegers, elementOffset), integerBelow(kExactIntegers, groupSize),
            integerBelow(kExactIntegers, unitSize), integerBelow(kExactIntegers, channels)};
  }
  uint64_t seed() const { return joined(seedLow, seedHigh); }
  uint64_t call() const { return joined(callLow, callHigh); }

 private:
  static void set(double& option, double value) { option = value; }
  static void set(int32_t& option, double value) { option = value != 0.0; }

  static uint64_t joined(double low, double high) {
    constexpr double kWord = 4294967296.0;  // 2^32
    return integerBelow(kWord, low) | integerBelow(kWord, high) << 32;
  }
};

#define JUMPOUT_NAME(name, ...) #name,
inline constexpr const char* kDescriptorFields[] = {JUMPOUT_DESCRIPTOR_FIELDS(JUMPOUT_NAME)};
#undef JUMPOUT_NAME

inline constexpr size_t kDescriptorLength = sizeof(kDescriptorFields) / sizeof(*kDescriptorFields);
static_assert(sizeof(Descriptor) == kDescriptorLength * sizeof(double));

}  // namespace jumpout
