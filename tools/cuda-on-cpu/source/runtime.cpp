// Calls, errors and devices.
#include "runtime.hpp"
#include "run.hpp"

#include <cstdio>
#include <cstring>

namespace cuda_on_cpu {
namespace {

thread_local cudaError_t lastError = cudaSuccess;
thread_local int device = 0;
thread_local bool inHostFunction = false;

bool isDevice(int number) { return number >= 0 && number < settings().devices; }

}  // namespace

State& state() {
  const CallInProgress inside;
  static State& all = *[] {
    State* made = new State;
    made->devices.resize(static_cast<size_t>(settings().devices));
    for (size_t i = 0; i < made->devices.size(); ++i) {
      made->devices[i].legacy.device = made->devices[i].pool.device = static_cast<int>(i);
      made->devices[i].legacy.blocking = true;
      made->pools.insert(&made->devices[i].pool);
    }
    return made;
  }();
  return all;
}

int currentDevice() { return device; }
Device& deviceOf(int number) { return state().devices[static_cast<size_t>(number)]; }

cudaError_t lose(int number, cudaError_t error) { return deviceOf(number).lost = error; }

cudaError_t enter(const char* name, bool needsDevice) {
  if (inHostFunction) return lastError = cudaErrorNotPermitted;
  if (settings().devices == 0) return lastError = cudaErrorNoDevice;
  state().mutex.lock();
  const auto isReached = [&](const NthCall& call, uint64_t& calls) {
    return call.function == name && ++calls == call.number;
  };
  if (isReached(settings().failing, state().callsToFail)) return leave(lose(device, cudaErrorIllegalAddress));
  if (isReached(settings().refused, state().callsToRefuse)) return leave(cudaErrorInvalidValue);
  if (std::strcmp(name, "cudaLaunchKernelEx") != 0) settleKernels();
  const cudaError_t lost = deviceOf(device).lost;
  return needsDevice && lost != cudaSuccess ? leave(lost) : cudaSuccess;
}

cudaError_t leave(cudaError_t result) {
  state().mutex.unlock();
  if (result != cudaSuccess && result != cudaErrorNotReady) lastError = result;
  return result;
}

void callHost(cudaHostFn_t function, void* userData) {
  settleKernels();
  state().mutex.unlock();
  inHostFunction = true;
  function(userData);
  inHostFunction = false;
  state().mutex.lock();
}

}  // namespace cuda_on_cpu

using namespace cuda_on_cpu;

// ---- Errors ----------------------------------------------------------------------------------------------------

cudaError_t cudaPeekAtLastError() {
  if (settings().devices == 0) return lastError;
  const std::lock_guard<std::mutex> lock(state().mutex);
  const cudaError_t lost = deviceOf(device).lost;
  return lost != cudaSuccess ? lost : lastError;
}

// Clears the error, unless the device is lost: that stays.
cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  lastError = cudaSuccess;
  return error;
}

const char* cudaGetErrorName(cudaError_t error) {
#define CUDA_ON_CPU_NAME(name, number, text) \
  case name: return #name;
  switch (error) { CUDA_ON_CPU_ERRORS(CUDA_ON_CPU_NAME) }
#undef CUDA_ON_CPU_NAME
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
#define CUDA_ON_CPU_TEXT(name, number, text) \
  case name: return text;
  switch (error) { CUDA_ON_CPU_ERRORS(CUDA_ON_CPU_TEXT) }
#undef CUDA_ON_CPU_TEXT
  return "unrecognized error code";
}

// ---- Devices ---------------------------------------------------------------------------------------------------

cudaError_t cudaDriverGetVersion(int* version) {
  *version = settings().devices == 0 ? 0 : settings().driver;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  const auto body = [&] {
    if (settings().driver < 12000) return cudaErrorInsufficientDriver;  // of the oldest toolkit
    *count = settings().devices;
    return cudaSuccess;
  };
  return call("cudaGetDeviceCount", body, false);
}

cudaError_t cudaGetDevice(int* number) {
  const auto body = [&] {
    *number = device;
    return cudaSuccess;
  };
  return call("cudaGetDevice", body, false);
}

cudaError_t cudaSetDevice(int number) {
  const auto body = [&] {
    if (!isDevice(number)) return cudaErrorInvalidDevice;
    device = number;
    return cudaSuccess;
  };
  return call("cudaSetDevice", body, false);
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int number) {
  const auto body = [&] {
    if (!isDevice(number)) return cudaErrorInvalidDevice;
    const Settings& known = settings();
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock: *value = 1024; break;
      case cudaDevAttrMaxSharedMemoryPerBlock: *value = 48 * 1024; break;
      case cudaDevAttrWarpSize: *value = 32; break;
      case cudaDevAttrMultiProcessorCount: *value = known.multiprocessors; break;
      case cudaDevAttrL2CacheSize: *value = 50 << 20; break;
      case cudaDevAttrMaxThreadsPerMultiProcessor: *value = 2048; break;
      case cudaDevAttrUnifiedAddressing: *value = 1; break;
      case cudaDevAttrComputeCapabilityMajor: *value = known.architecture(number) / 10; break;
      case cudaDevAttrComputeCapabilityMinor: *value = known.architecture(number) % 10; break;
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = 233472; break;
      case cudaDevAttrManagedMemory: *value = 1; break;
      case cudaDevAttrCooperativeLaunch: *value = known.cooperative != Settings::kNone; break;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(known.sharedBytes); break;
      case cudaDevAttrMaxBlocksPerMultiprocessor: *value = 32; break;
      case cudaDevAttrReservedSharedMemoryPerBlock: *value = 1024; break;
      case cudaDevAttrMemoryPoolsSupported: *value = known.pools; break;
      case cudaDevAttrClusterLaunch: *value = known.architecture(number) >= 90; break;
      default: return cudaErrorInvalidValue;
    }
    return cudaSuccess;
  };
  return call("cudaDeviceGetAttribute", body, false);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int number) {
  const auto body = [&] {
    if (!isDevice(number)) return cudaErrorInvalidDevice;
    const Settings& known = settings();
    *properties = cudaDeviceProp{};
    std::snprintf(properties->name, sizeof properties->name, "CUDA on CPU %d", number);
    properties->totalGlobalMem = known.memoryBytes;
    properties->sharedMemPerBlock = 48 * 1024;
    properties->regsPerBlock = 65536;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = 1024;
    properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = 1024;
    properties->maxThreadsDim[2] = 64;
    properties->maxGridSize[0] = 0x7fffffff;
    properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
    properties->major = known.architecture(number) / 10;
    properties->minor = known.architecture(number) % 10;
    properties->multiProcessorCount = known.multiprocessors;
    properties->pciDeviceID = number;
    properties->unifiedAddressing = 1;
    properties->l2CacheSize = 50 << 20;
    properties->maxThreadsPerMultiProcessor = 2048;
    properties->sharedMemPerMultiprocessor = 233472;
    properties->managedMemory = 1;
    properties->cooperativeLaunch = known.cooperative != Settings::kNone;
    properties->sharedMemPerBlockOptin = known.sharedBytes;
    properties->maxBlocksPerMultiProcessor = 32;
    properties->reservedSharedMemPerBlock = 1024;
    properties->memoryPoolsSupported = known.pools;
    properties->clusterLaunch = known.architecture(number) >= 90;
    return cudaSuccess;
  };
  return call("cudaGetDeviceProperties", body, false);
}

cudaError_t cudaDeviceSynchronize() {
  return call("cudaDeviceSynchronize", [] { return checkUnsafe(); });
}
