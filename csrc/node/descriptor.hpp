// One call as JavaScript describes it: a Float64Array of named numbers (lib/native.ts).
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

#include "jumpout.h"

// The one list of names, in order; the addon exports it, and lib/native.ts refuses any other.
// 64-bit seeds and calls are two 32-bit halves, booleans 0 and 1, a rate to be drawn NaN.
#define JUMPOUT_DESCRIPTOR_FIELDS(FIELD) \
  FIELD(sigma)                           \
  FIELD(pMin)                            \
  FIELD(pMax)                            \
  FIELD(rate)                            \
  FIELD(maxRate)                         \
  FIELD(exponent)                        \
  FIELD(normalize)                       \
  FIELD(relu)                            \
  FIELD(seedLow)                         \
  FIELD(seedHigh)                        \
  FIELD(callLow)                         \
  FIELD(callHigh)                        \
  FIELD(elementOffset)                   \
  FIELD(groupSize)                       \
  FIELD(unitSize)                        \
  FIELD(counted)

namespace jumpout::node {

struct Descriptor {
#define JUMPOUT_MEMBER(name) double name;
  JUMPOUT_DESCRIPTOR_FIELDS(JUMPOUT_MEMBER)
#undef JUMPOUT_MEMBER

  // Throw a Failure for numbers that are no integers of the C API.
  jumpout_options options() const;
  jumpout_layout layout() const;
  uint64_t seed() const;
  uint64_t call() const;
};

inline constexpr const char* kDescriptorFields[] = {
#define JUMPOUT_NAME(name) #name,
    JUMPOUT_DESCRIPTOR_FIELDS(JUMPOUT_NAME)
#undef JUMPOUT_NAME
};

// A row of statistics is a jumpout_group: five doubles.
inline constexpr size_t kRowLength = 5;
static_assert(sizeof(jumpout_group) == kRowLength * sizeof(double));

inline constexpr size_t kDescriptorLength = sizeof(kDescriptorFields) / sizeof(*kDescriptorFields);
static_assert(sizeof(Descriptor) == kDescriptorLength * sizeof(double));

struct DescribedCall {
  Descriptor fields;   // a copy: what JavaScript does to the array later changes nothing
  jumpout_group* row;  // behind the fields, for calls with one group: one array less to ask Node-API for
};

DescribedCall describedCallOf(napi_env env, napi_value value);

}  // namespace jumpout::node
