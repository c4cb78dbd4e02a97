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

Array<int32_t> integersOf(napi_env env, napi_value value, const char* argument) {
  return arrayOf<int32_t>(env, value, napi_int32_array, "an Int32Array", argument);
}

Array<double> doublesOf(napi_env env, napi_value value, const char* argument) {
  return arrayOf<double>(env, value, napi_float64_array, "a Float64Array", argument);
}

Array<uint64_t> longWordsOf(napi_env env, napi_value value, const char* argument) {
  return arrayOf<uint64_t>(env, value, napi_biguint64_array, "a BigUint64Array", argument);
}

double numberOf(napi_env env, napi_value value, const char* argument) {
  double result;
  if (napi_get_value_double(env, value, &result) != napi_ok) throw wrongType("a number", argument);
  return result;
}

uint64_t uint64Of(napi_env env, napi_value value, const char* argument) {
  uint64_t result;
  bool lossless;
  const napi_status status = napi_get_value_bigint_uint64(env, value, &result, &lossless);
  if (status != napi_ok || !lossless) throw wrongType("a bigint from 0 to 2^64 - 1", argument);
  return result;
}

bool booleanOf(napi_env env, napi_value value, const char* argument) {
  bool result;
  if (napi_get_value_bool(env, value, &result) != napi_ok) throw wrongType("a boolean", argument);
  return result;
}

napi_value makeNumber(napi_env env, double value) {
  napi_value result;
  check(napi_create_double(env, value, &result));
  return result;
}

napi_value makeBigint(napi_env env, uint64_t value) {
  napi_value result;
  check(napi_create_bigint_uint64(env, value, &result));
  return result;
}

bool isUndefined(napi_env env, napi_value value) {
  napi_valuetype type;
  check(napi_typeof(env, value, &type));
  return type == napi_undefined;
}

}  // namespace jumpout::node
