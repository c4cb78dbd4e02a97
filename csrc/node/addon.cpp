// What JavaScript sees of the native part; lib/native.ts is its typed contract.
#include <napi.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "jumpout_cuda.h"
#include "node/arrays.hpp"
#include "node/cuda/copies.hpp"
#include "node/cuda/dlpack.hpp"
#include "node/cuda/graph.hpp"
#include "node/cuda/memories.hpp"
#include "node/cuda/passes.hpp"
#include "node/cuda/state.hpp"
#include "node/cuda/streams.hpp"
#include "node/descriptor.hpp"
#include "node/errors.hpp"
#include "node/host/async.hpp"
#include "node/host/calls.hpp"
#include "node/host/pinned.hpp"

namespace jumpout::node {

namespace {

napi_value forward(napi_env env, napi_callback_info info) {
  const Arguments<kForwardArity> arguments(env, info);
  const jumpout_forward_args args = forwardArgs(env, arguments.values);
  require(jumpout_forward(&args), kForwardNames);
  return nullptr;
}

napi_value backward(napi_env env, napi_callback_info info) {
  const Arguments<kBackwardArity> arguments(env, info);
  const jumpout_backward_args args = backwardArgs(env, arguments.values);
  require(jumpout_backward(&args), kBackwardNames);
  return nullptr;
}

napi_value identity(napi_env env, napi_callback_info info) {
  const Arguments<kIdentityArity> arguments(env, info);
  const IdentityArgs args = identityArgs(env, arguments.values);
  require(jumpout_identity(args.input, args.output, args.length), kIdentityNames);
  return nullptr;
}

napi_value countActive(napi_env env, napi_callback_info info) {
  const Arguments<kCountArity> arguments(env, info);
  const jumpout_count_args args = countArgs(env, arguments.values);
  require(jumpout_count_active(&args), kCountNames);
  return nullptr;
}

// padding(array): elements to skip until the next boundary of a cache line.
napi_value padding(napi_env env, napi_callback_info info) {
  constexpr uintptr_t kCacheLine = 64;
  const Arguments<1> arguments(env, info);
  const auto address = reinterpret_cast<uintptr_t>(floatsOf(env, arguments.values[0], "array").data);
  const uintptr_t bytes = (kCacheLine - address % kCacheLine) % kCacheLine;
  return makeNumber(env, static_cast<double>(bytes / sizeof(float)));
}

napi_value foldIn(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  const uint64_t seed = uint64Of(env, arguments.values[0], "seed");
  const uint64_t data = uint64Of(env, arguments.values[1], "data");
  return makeBigint(env, jumpout_fold_in(seed, data));
}

// keepPages(): glibc returns what is freed to the system, and each page of the next output costs a fault, until it has
// seen a block of its largest mapped size freed; then it keeps up to twice that. Where the host tuned malloc, or malloc is
// another, nothing changes.
napi_value keepPages(napi_env, napi_callback_info) {
#if defined(__GLIBC__)
  constexpr size_t kLargestMapped = (size_t{32} << 20) - (size_t{64} << 10);
  void* volatile block = std::malloc(kLargestMapped);  // volatile: compilers leave unused blocks out
  std::free(block);
#endif
  return nullptr;
}

Napi::Array devices(Napi::Env env) {
  Napi::Array result = Napi::Array::New(env);
  const int32_t count = jumpout_cuda_device_count();
  for (int32_t index = 0; index < count; ++index) {
    jumpout_cuda_device found;
    if (jumpout_cuda_device_of(index, &found) != JUMPOUT_OK) continue;
    Napi::Object device = Napi::Object::New(env);
    device.Set("index", index);
    device.Set("name", found.name);
    device.Set("computeCapability",
               std::to_string(found.compute_major) + "." + std::to_string(found.compute_minor));
    device.Set("multiprocessors", found.multiprocessors);
    device.Set("memoryBytes", static_cast<double>(found.memory_bytes));
    device.Set("l2Bytes", static_cast<double>(found.l2_bytes));
    result.Set(result.Length(), device);
  }
  return result;
}

napi_value runtime(napi_env env, napi_callback_info) {
  jumpout_runtime found;
  require(jumpout_get_runtime(&found), kNoNames);
  Napi::Object result = Napi::Object::New(env);
  result.Set("version", found.version);
  result.Set("isa", found.cpu_isa);
  result.Set("threads", found.cpu_threads);
  result.Set("cudaCompiled", found.cuda_compiled != 0);
  result.Set("cudaAvailable", found.cuda_available != 0);
  if (found.cuda_reason != nullptr) result.Set("cudaReason", found.cuda_reason);
  result.Set("devices", devices(env));
  return result;
}

template <size_t kLength>
napi_value list(napi_env env, const char* const (&names)[kLength]) {
  Napi::Array result = Napi::Array::New(env, kLength);
  for (uint32_t i = 0; i < kLength; ++i) result.Set(i, names[i]);
  return result;
}

// Runs once in each thread that loads the addon; a misconfigured environment fails here, not at some later
// call.
napi_value initialize(napi_env env, napi_value object) {
  jumpout_runtime found;
  require(jumpout_get_runtime(&found), kNoNames);
  createState(env);
  Napi::Object exports(env, object);
  exports.Set("fields", list(env, kDescriptorFields));
  exports.Set("deviceFields", list(env, kDeviceFields));
  define<forward>(env, exports, "forward");
  define<forwardAsync>(env, exports, "forwardAsync");
  define<backward>(env, exports, "backward");
  define<backwardAsync>(env, exports, "backwardAsync");
  define<identity>(env, exports, "identity");
  define<identityAsync>(env, exports, "identityAsync");
  define<countActive>(env, exports, "countActive");
  define<foldIn>(env, exports, "foldIn");
  define<padding>(env, exports, "padding");
  define<keepPages>(env, exports, "keepPages");
  define<runtime>(env, exports, "runtime");
  define<allocPinned>(env, exports, "allocPinned");
  defineMemories(env, exports);
  defineCopies(env, exports);
  defineStreams(env, exports);
  defineGraphs(env, exports);
  defineDeviceCalls(env, exports);
  defineDlpack(env, exports);
  return exports;
}

napi_value initializeOrThrow(napi_env env, napi_value exports) noexcept {
  try {
    return initialize(env, exports);
  } catch (...) {
    throwCaught(env, nullptr);
    return nullptr;
  }
}

}  // namespace

}  // namespace jumpout::node

NAPI_MODULE(jumpout, jumpout::node::initializeOrThrow)
