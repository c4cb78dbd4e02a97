// The arrays of every call, each named once. All checks of memory follow from these lists (checks.cpp).
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "core/dtype.hpp"
#include "core/layout.hpp"
#include "jumpout.h"

namespace jumpout {

struct Access {
  bool written;
  bool elementwise;  // element i is used for element i alone: such arrays may be the very same
};

struct Span {
  const char* field;    // its name in the C API
  const void* address;  // nullptr: not given
  size_t bytes;         // SIZE_MAX: that many or more
  size_t alignment;
  Access access;
  bool needed;  // an error where it is not given
};

inline constexpr bool kNeeded = true, kOptional = false;

constexpr size_t extentOf(size_t count, size_t element_bytes) {
  return count > SIZE_MAX / element_bytes ? SIZE_MAX : count * element_bytes;
}

// Arrays that the C API declares const are read, all others are written.
template <class T>
Span arrayOf(const char* field, T* first, size_t count, bool needed, size_t alignment = alignof(T)) {
  return {field, first, extentOf(count, sizeof(T)), alignment, {!std::is_const_v<T>, false}, needed};
}

// float32 on the host, args.dtype on a device.
template <class Args>
size_t elementBytes(const Args& args) {
  if constexpr (requires { args.dtype; }) return bytesOf(args.dtype);
  return sizeof(float);
}

// [length] elements.
template <class T, class Args>
Span tensorOf(const char* field, T* first, const Args& args, bool used = true) {
  const Access access{!std::is_const_v<T>, true};
  const size_t length = used ? args.length : 0, element_bytes = elementBytes(args);
  return {field, first, extentOf(length, element_bytes), element_bytes, access, length != 0};
}

// ---- On the host ---------------------------------------------------------------------------------------------------

inline auto spansOf(const jumpout_forward_args& args) {
  return std::array{
      tensorOf("input", args.input, args),
      tensorOf("output", args.output, args),
      arrayOf("mask", args.mask, maskWords(args.length), kOptional),
      arrayOf("groups", args.groups, args.group_count, kNeeded),
  };
}

inline auto spansOf(const jumpout_backward_args& args) {
  return std::array{
      tensorOf("grad_output", args.grad_output, args),
      tensorOf("grad_input", args.grad_input, args),
      arrayOf("mask", args.mask, maskWords(args.length), kOptional),
      tensorOf("output", args.output, args, args.relu && !args.mask),
      arrayOf("groups", args.groups, args.group_count, kNeeded),
  };
}

inline auto spansOf(const jumpout_count_args& args) {
  return std::array{
      tensorOf("input", args.input, args),
      arrayOf("groups", args.groups, args.group_count, kNeeded),
  };
}

// jumpout_identity takes no struct.
struct IdentityArgs {
  const float* input;
  float* output;
  size_t length;
};

inline auto spansOf(const IdentityArgs& args) {
  return std::array{
      tensorOf("input", args.input, args),
      tensorOf("output", args.output, args),
  };
}

// jumpout_widen and jumpout_narrow: elements of two sizes, which may not share memory.
template <class From, class To>
struct ConversionArgs {
  const From* from;
  To* to;
  size_t length;
};
using WidenArgs = ConversionArgs<uint16_t, float>;
using NarrowArgs = ConversionArgs<float, uint16_t>;

template <class From, class To>
auto spansOf(const ConversionArgs<From, To>& args) {
  return std::array{
      arrayOf("from", args.from, args.length, args.length != 0),
      arrayOf("to", args.to, args.length, args.length != 0),
  };
}

// ---- On a device ---------------------------------------------------------------------------------------------------

inline constexpr size_t kDeviceAlignment = 16;  // of records and workspaces

inline auto spansOf(const jumpout_device_forward_args& args) {
  auto* const workspace = static_cast<char*>(args.workspace);
  return std::array{
      tensorOf("input", args.input, args),
      tensorOf("output", args.output, args),
      arrayOf("mask", args.mask, maskWords(args.length), kOptional),
      arrayOf("records", args.records, args.group_count, kNeeded, kDeviceAlignment),
      arrayOf("active", args.active, args.group_count, kOptional),
      arrayOf("call_counter", args.call_counter, 1, kOptional),
      arrayOf("workspace", workspace, JUMPOUT_WORKSPACE_BYTES, kNeeded, kDeviceAlignment),
  };
}

inline auto spansOf(const jumpout_device_backward_args& args) {
  return std::array{
      tensorOf("grad_output", args.grad_output, args),
      tensorOf("grad_input", args.grad_input, args),
      arrayOf("mask", args.mask, maskWords(args.length), kOptional),
      tensorOf("output", args.output, args, args.relu && !args.mask),
      arrayOf("records", args.records, args.group_count, kNeeded, kDeviceAlignment),
  };
}

inline auto spansOf(const jumpout_device_count_args& args) {
  return std::array{
      tensorOf("input", args.input, args),
      arrayOf("active", args.active, args.group_count, kNeeded),
  };
}

inline auto spansOf(const jumpout_device_identity_args& args) {
  return std::array{
      tensorOf("input", args.input, args),
      tensorOf("output", args.output, args),
  };
}

}  // namespace jumpout
