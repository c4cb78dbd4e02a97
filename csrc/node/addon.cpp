// The exports of the addon; lib/native.ts is their typed contract.
#include <napi.h>

#include <cstdint>
#include <string>

#include "jumpout_cuda.h"
#include "node/cuda/state.hpp"
#include "node/descriptor.hpp"
#include "node/exports.hpp"

namespace jumpout::node {

namespace {

Napi::BigInt foldIn(const Call& call) {
  const uint64_t seed = call.bigint(0, "seed");
  return Napi::BigInt::New(call.env, jumpout_fold_in(seed, call.bigint(1, "data")));
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

// What is known without asking the CUDA driver.
Napi::Object host(const Call& call) {
  jumpout_host found;
  require(jumpout_get_host(&found), kNoNames);
  Napi::Object result = Napi::Object::New(call.env);
  result.Set("version", found.version);
  result.Set("isa", found.cpu_isa);
  result.Set("threads", found.cpu_threads);
  return result;
}

Napi::Object runtime(const Call& call) {
  jumpout_runtime found;
  require(jumpout_get_runtime(&found), kNoNames);
  Napi::Object result = host(call);
  result.Set("cudaCompiled", found.cuda_compiled != 0);
  result.Set("cudaAvailable", found.cuda_available != 0);
  if (found.cuda_reason != nullptr) result.Set("cudaReason", found.cuda_reason);
  result.Set("devices", devices(call.env));
  return result;
}

template <size_t kLength>
napi_value list(napi_env env, const char* const (&names)[kLength]) {
  Napi::Array result = Napi::Array::New(env, kLength);
  for (uint32_t i = 0; i < kLength; ++i) result.Set(i, names[i]);
  return result;
}

// Runs once in each thread that loads the addon. A wrong environment variable fails here, not in a later call. The CUDA
// driver is not touched, whatever its state.
napi_value initialize(napi_env env, napi_value object) {
  jumpout_host found;
  require(jumpout_get_host(&found), kNoNames);
  createState(env);
  check(napi_set_named_property(env, object, "fields", list(env, kDescriptorFields)));
  check(napi_set_named_property(env, object, "deviceFields", list(env, kDeviceFields)));
  const Exports exports{env, object, describe(env, object)};
  exports.add<host>("host");
  exports.add<runtime>("runtime");
  exports.add<foldIn>("foldIn");
  exportHostPasses(exports);
  exportOutputs(exports);
  exportPinned(exports);
  exportTensorFlow(exports);
  exportDevicePasses(exports);
  exportDeviceMemory(exports);
  exportCopies(exports);
  exportStreams(exports);
  exportGraphs(exports);
  exportDlpack(exports);
  return object;
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
