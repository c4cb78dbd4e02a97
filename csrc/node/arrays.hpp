// What JavaScript passes, as numbers, pointers and lengths. Typed arrays are never asked for their ArrayBuffers:
// shared memory has none to give.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

namespace jumpout::node {

template <typename T>
struct Array {
  T* data;
  size_t length;
};

// Throw a Failure where the value is another type; a detached array has length 0.
Array<float> floatsOf(napi_env env, napi_value value, const char* argument);
Array<uint32_t> wordsOf(napi_env env, napi_value value, const char* argument);
Array<int32_t> integersOf(napi_env env, napi_value value, const char* argument);
Array<double> doublesOf(napi_env env, napi_value value, const char* argument);

Array<uint64_t> longWordsOf(napi_env env, napi_value value, const char* argument);

double numberOf(napi_env env, napi_value value, const char* argument);
// From a bigint.
uint64_t uint64Of(napi_env env, napi_value value, const char* argument);
bool booleanOf(napi_env env, napi_value value, const char* argument);
bool isUndefined(napi_env env, napi_value value);

napi_value makeNumber(napi_env env, double value);
napi_value makeBigint(napi_env env, uint64_t value);

// Missing arguments are undefined, further ones ignored.
template <size_t kArity>
struct Arguments {
  napi_value values[kArity];

  Arguments(napi_env env, napi_callback_info info) {
    size_t count = kArity;
    napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  }
};

}  // namespace jumpout::node
