// Typed arrays as pointers and lengths. No code here asks for an ArrayBuffer, which arrays over shared memory do not have.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

#include "node/errors.hpp"

namespace jumpout::node {

template <typename T>
struct Array {
  T* data;
  size_t length;
};

struct ArrayType {
  napi_typedarray_type type;
  const char* name;
};

template <typename T>
inline constexpr ArrayType kArrayType{};
template <>
inline constexpr ArrayType kArrayType<float>{napi_float32_array, "a Float32Array"};
template <>
inline constexpr ArrayType kArrayType<double>{napi_float64_array, "a Float64Array"};
template <>
inline constexpr ArrayType kArrayType<int32_t>{napi_int32_array, "an Int32Array"};
template <>
inline constexpr ArrayType kArrayType<uint32_t>{napi_uint32_array, "a Uint32Array"};
template <>
inline constexpr ArrayType kArrayType<uint64_t>{napi_biguint64_array, "a BigUint64Array"};

// Throws a Failure where the value is of another type. A detached array has length 0.
template <typename T>
Array<T> arrayOf(napi_env env, napi_value value, const char* argument) {
  constexpr ArrayType wanted = kArrayType<T>;
  napi_typedarray_type type;
  size_t length;
  void* data;
  const napi_status status = napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != wanted.type) throw wrongType(wanted.name, argument);
  return {static_cast<T*>(data), length};
}

}  // namespace jumpout::node
