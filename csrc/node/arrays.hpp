// Typed arrays as pointer and length. Their ArrayBuffers are never asked for: shared memory has none to give.
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
Array<double> doublesOf(napi_env env, napi_value value, const char* argument);

bool isUndefined(napi_env env, napi_value value);

}  // namespace jumpout::node
