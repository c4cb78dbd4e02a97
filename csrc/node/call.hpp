// A call of an exported function, and its arguments as C++ values.
#pragma once

#include <node_api.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "node/arrays.hpp"
#include "node/descriptor.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

// The functions that take an argument throw a Failure that names it where it is of another type or out of range.
struct Call {
  static constexpr size_t kMostValues = 6;

  napi_env env;
  napi_value receiver = nullptr;     // the object that the function was called on
  Description* described = nullptr;  // the thread's descriptor
  napi_value values[kMostValues];
  size_t count = kMostValues;

  // Missing arguments are undefined, further ones are ignored.
  Call(napi_env env, napi_callback_info info) noexcept : env(env) {
    void* data = nullptr;
    napi_get_cb_info(env, info, &count, values, &receiver, &data);
    described = static_cast<Description*>(data);
    count = std::min(count, kMostValues);
  }

  bool isUndefined(size_t index) const {
    napi_valuetype type;
    check(napi_typeof(env, values[index], &type));
    return type == napi_undefined;
  }

  bool isFunction(size_t index) const {
    napi_valuetype type;
    check(napi_typeof(env, values[index], &type));
    return type == napi_function;
  }

  double number(size_t index, const char* argument) const {
    double result;
    if (napi_get_value_double(env, values[index], &result) != napi_ok) throw wrongType("a number", argument);
    return result;
  }

  // From a JavaScript number.
  uint64_t integer(size_t index, const char* argument) const {
    return integerBelow(kExactIntegers, number(index, argument));
  }

  uint64_t bigint(size_t index, const char* argument) const {
    uint64_t result;
    bool lossless;
    const napi_status status = napi_get_value_bigint_uint64(env, values[index], &result, &lossless);
    if (status != napi_ok || !lossless) throw wrongType("a bigint from 0 to 2^64 - 1", argument);
    return result;
  }

  // From a JavaScript bigint.
  void* pointer(size_t index, const char* argument) const {
    return reinterpret_cast<void*>(bigint(index, argument));
  }

  bool boolean(size_t index, const char* argument) const {
    bool result;
    if (napi_get_value_bool(env, values[index], &result) != napi_ok) throw wrongType("a boolean", argument);
    return result;
  }

  template <typename T>
  Array<T> array(size_t index, const char* argument) const {
    return arrayOf<T>(env, values[index], argument);
  }

  // Rows of statistics.
  Array<jumpout_group> rows(size_t index) const {
    const Array<double> numbers = array<double>(index, "rows");
    if (numbers.length % kRowLength != 0) throw failureOf(JUMPOUT_BAD_LENGTH, "rows");
    return {reinterpret_cast<jumpout_group*>(numbers.data), numbers.length / kRowLength};
  }
};

}  // namespace jumpout::node
