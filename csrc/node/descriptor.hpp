// One call as JavaScript describes it: named numbers in memory that both sides share (lib/native.ts).
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

#include "core/dtype.hpp"
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

// Further fields of a call on a device: streams and memory by number (handles.hpp), 0 for none, and offsets in bytes.
#define JUMPOUT_DEVICE_FIELDS(FIELD) \
  FIELD(device)                      \
  FIELD(stream)                      \
  FIELD(dtype)                       \
  FIELD(length)                      \
  FIELD(groupCount)                  \
  FIELD(total)                       \
  FIELD(allActive)                   \
  FIELD(input)                       \
  FIELD(inputOffset)                 \
  FIELD(output)                      \
  FIELD(outputOffset)                \
  FIELD(mask)                        \
  FIELD(maskOffset)                  \
  FIELD(records)                     \
  FIELD(recordsOffset)               \
  FIELD(active)                      \
  FIELD(activeOffset)                \
  FIELD(counter)                     \
  FIELD(counterOffset)               \
  FIELD(forwardOutput)               \
  FIELD(forwardOutputOffset)

namespace jumpout::node {

struct Descriptor {
#define JUMPOUT_MEMBER(name, ...) double name;
  JUMPOUT_DESCRIPTOR_FIELDS(JUMPOUT_MEMBER)

  // Throw a Failure for numbers outside the range of the C API's integers.
  jumpout_options options() const;
  jumpout_layout layout() const;
  uint64_t seed() const;
  uint64_t call() const;
};

struct DeviceDescriptor {
  JUMPOUT_DEVICE_FIELDS(JUMPOUT_MEMBER)
#undef JUMPOUT_MEMBER
};

#define JUMPOUT_NAME(name, ...) #name,
inline constexpr const char* kDescriptorFields[] = {JUMPOUT_DESCRIPTOR_FIELDS(JUMPOUT_NAME)};
inline constexpr const char* kDeviceFields[] = {JUMPOUT_DEVICE_FIELDS(JUMPOUT_NAME)};
#undef JUMPOUT_NAME

// A row of statistics is a jumpout_group: five doubles.
inline constexpr size_t kRowLength = 5;
static_assert(sizeof(jumpout_group) == kRowLength * sizeof(double));

inline constexpr size_t kDescriptorLength = sizeof(kDescriptorFields) / sizeof(*kDescriptorFields);
inline constexpr size_t kDeviceLength = sizeof(kDeviceFields) / sizeof(*kDeviceFields);
static_assert(sizeof(Descriptor) == kDescriptorLength * sizeof(double));
static_assert(sizeof(DeviceDescriptor) == kDeviceLength * sizeof(double));

// Conversions outside the range of the integer are undefined behaviour, so they are checked first; NaN fails too.
uint64_t integerBelow(double limit, double value);
inline constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
// Whether the device exists is checked where it is used.
int32_t deviceOf(double number);
// One of the first `count` of kDtypes.
jumpout_dtype dtypeOf(double number, size_t count = kDtypeCount);

// One per thread, shared by all copies of lib there. lib writes it before each call, which passes one array less.
struct Description {
  Descriptor fields;
  jumpout_group row;  // of calls on the host with one group
  DeviceDescriptor on;
};
static_assert(sizeof(Description) == (kDescriptorLength + kRowLength + kDeviceLength) * sizeof(double));

// Makes it, as the property `descriptor` of `exports`, an ArrayBuffer. It lives as long as the thread's environment.
Description* describe(napi_env env, napi_value exports);

}  // namespace jumpout::node
