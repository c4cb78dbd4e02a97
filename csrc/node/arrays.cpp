#include "node/arrays.hpp"

#include "node/errors.hpp"

namespace jumpout::node {

namespace {

template <typename T>
Array<T> arrayOf(napi_env env, napi_value value, napi_typedarray_type wanted, const char* expected,
                 const char* argument) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  const napi_status status = napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != wanted) throw wrongType(expected, argument);
  return {static_cast<T*>(data), length};
}

}  // namespace

Array<float> floatsOf(napi_env env, napi_value value, const char* argument) {
  return arrayOf<float>(env, value, napi_float32_array, "a Float32Array", argument);
}

Array<uint32_t> wordsOf(napi_env env, napi_value value, const char* argument) {
  return arrayOf<uint32_t>(env, value, napi_uint32_array, "a Uint32Array", argument);
}

Array<double> doublesOf(napi_env env, napi_value value, const char* argument) {
  return arrayOf<double>(env, value, napi_float64_array, "a Float64Array", argument);
}

bool isUndefined(napi_env env, napi_value value) {
  napi_valuetype type;
  check(napi_typeof(env, value, &type));
  return type == napi_undefined;
}

}  // namespace jumpout::node
