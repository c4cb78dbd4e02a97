// What JavaScript sees of the native part; lib/native.ts is its typed contract.
#include <napi.h>

#include <cstdint>
#include <cstring>

#include "jumpout.h"
#include "node/arrays.hpp"
#include "node/async.hpp"
#include "node/calls.hpp"
#include "node/descriptor.hpp"
#include "node/errors.hpp"
#include "node/outputs.hpp"

namespace jumpout::node {

namespace {

void require(jumpout_status status, const char* arrays) {
  if (status != JUMPOUT_OK) throw failureOf(status, arrays);
}

napi_value forward(napi_env env, napi_callback_info info) {
  const Arguments<kForwardArity> arguments(env, info);
  const jumpout_forward_args args = forwardArgs(env, arguments.values);
  require(jumpout_forward(&args), kForwardArrays);
  return nullptr;
}

napi_value backward(napi_env env, napi_callback_info info) {
  const Arguments<kBackwardArity> arguments(env, info);
  const jumpout_backward_args args = backwardArgs(env, arguments.values);
  require(jumpout_backward(&args), kBackwardArrays);
  return nullptr;
}

// Evaluation without ReLU, and its backward: a copy, refused where jumpout_forward would refuse.
napi_value identity(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  const Array<float> input = floatsOf(env, arguments.values[0], "input");
  const Array<float> output = floatsOf(env, arguments.values[1], "out");
  if (input.length != output.length) throw failureOf(JUMPOUT_BAD_LENGTH, "input and out");
  const auto begin = reinterpret_cast<uintptr_t>(input.data),
             other = reinterpret_cast<uintptr_t>(output.data);
  const size_t bytes = input.length * sizeof(float);
  if (begin == other || bytes == 0) return nullptr;
  if (begin < other + bytes && other < begin + bytes) throw failureOf(JUMPOUT_OVERLAP, "input and out");
  std::memcpy(output.data, input.data, bytes);
  return nullptr;
}

napi_value countActive(napi_env env, napi_callback_info info) {
  const Arguments<kCountArity> arguments(env, info);
  const jumpout_count_args args = countArgs(env, arguments.values);
  require(jumpout_count_active(&args), "input");
  return nullptr;
}

uint64_t uint64Of(napi_env env, napi_value value, const char* argument) {
  uint64_t result;
  bool lossless;
  const napi_status status = napi_get_value_bigint_uint64(env, value, &result, &lossless);
  if (status != napi_ok || !lossless) throw wrongType("a bigint from 0 to 2^64 - 1", argument);
  return result;
}

napi_value foldIn(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  const uint64_t seed = uint64Of(env, arguments.values[0], "seed");
  const uint64_t data = uint64Of(env, arguments.values[1], "data");
  napi_value result;
  check(napi_create_bigint_uint64(env, jumpout_fold_in(seed, data), &result));
  return result;
}

napi_value runtime(napi_env env, napi_callback_info) {
  jumpout_runtime found;
  require(jumpout_get_runtime(&found), "runtime");
  Napi::Object result = Napi::Object::New(env);
  result.Set("version", found.version);
  result.Set("isa", found.cpu_isa);
  result.Set("threads", found.cpu_threads);
  result.Set("cudaCompiled", found.cuda_compiled != 0);
  result.Set("cudaAvailable", found.cuda_available != 0);
  if (found.cuda_reason != nullptr) result.Set("cudaReason", found.cuda_reason);
  return result;
}

Napi::Array fields(Napi::Env env) {
  Napi::Array names = Napi::Array::New(env, kDescriptorLength);
  for (uint32_t i = 0; i < kDescriptorLength; ++i) names.Set(i, kDescriptorFields[i]);
  return names;
}

template <napi_value (*kFunction)(napi_env, napi_callback_info)>
void define(Napi::Object exports, const char* name) {
  napi_value function;
  check(napi_create_function(exports.Env(), name, NAPI_AUTO_LENGTH, exported<kFunction>, nullptr, &function));
  exports.Set(name, function);
}

// Runs once in each thread that loads the addon; a misconfigured environment fails here, not at some later
// call.
napi_value initialize(napi_env env, napi_value object) {
  jumpout_runtime found;
  require(jumpout_get_runtime(&found), "runtime");
  Napi::Object exports(env, object);
  exports.Set("fields", fields(env));
  define<forward>(exports, "forward");
  define<forwardAsync>(exports, "forwardAsync");
  define<backward>(exports, "backward");
  define<backwardAsync>(exports, "backwardAsync");
  define<identity>(exports, "identity");
  define<countActive>(exports, "countActive");
  define<foldIn>(exports, "foldIn");
  define<pooled>(exports, "pooled");
  define<padding>(exports, "padding");
  define<runtime>(exports, "runtime");
  return exports;
}

napi_value initializeOrThrow(napi_env env, napi_value exports) noexcept {
  try {
    return initialize(env, exports);
  } catch (...) {
    throwCaught(env);
    return nullptr;
  }
}

}  // namespace

}  // namespace jumpout::node

NAPI_MODULE(jumpout, jumpout::node::initializeOrThrow)
