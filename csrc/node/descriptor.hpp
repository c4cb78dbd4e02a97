// A call as JavaScript describes it, in memory that both sides share (lib/native.ts): core/descriptor.hpp, and what is Node's.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

#include "core/descriptor.hpp"
#include "core/dtype.hpp"
#include "jumpout.h"

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

struct DeviceDescriptor {
#define JUMPOUT_MEMBER(name) double name;
  JUMPOUT_DEVICE_FIELDS(JUMPOUT_MEMBER)
#undef JUMPOUT_MEMBER
};

#define JUMPOUT_NAME(name) #name,
inline constexpr const char* kDeviceFields[] = {JUMPOUT_DEVICE_FIELDS(JUMPOUT_NAME)};
#undef JUMPOUT_NAME

// A row of statistics is a jumpout_group: five doubles.
inline constexpr size_t kRowLength = 5;
static_assert(sizeof(jumpout_group) == kRowLength * sizeof(double));

inline constexpr size_t kDeviceLength = sizeof(kDeviceFields) / sizeof(*kDeviceFields);
static_assert(sizeof(DeviceDescriptor) == kDeviceLength * sizeof(double));

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
