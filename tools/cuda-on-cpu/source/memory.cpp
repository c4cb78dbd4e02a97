// Allocations: on the heap, of the exact size, found by address.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "run.hpp"
#include "runtime.hpp"
#include "sanitizers.hpp"

namespace cuda_on_cpu {
namespace {

constexpr int kInvalidDevice = -2;  // cudaInvalidDeviceId
constexpr size_t kAlignment = 256;
constexpr int kPoison = 0xFF;

using Entry = std::map<uintptr_t, Allocation>::value_type;

// The allocation that holds the address, or null.
const Entry* findMemory(const void* address) {
  const auto& memory = state().memory;
  const auto number = reinterpret_cast<uintptr_t>(address);
  auto after = memory.upper_bound(number);
  if (after == memory.begin()) return nullptr;
  const Entry& entry = *--after;
  return number - entry.first < entry.second.bytes ? &entry : nullptr;
}

cudaError_t allocate(void** memory, size_t bytes, int device, cudaMemoryType type,
                     CUmemPoolHandle_st* pool = nullptr) {
  if (memory == nullptr) return cudaErrorInvalidValue;
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  const bool onDevice = type != cudaMemoryTypeHost;
  size_t& used = deviceOf(device).used;
  if (onDevice && bytes > settings().memoryBytes - used) return cudaErrorMemoryAllocation;
  void* made = nullptr;
  if (posix_memalign(&made, kAlignment, bytes) != 0) return cudaErrorMemoryAllocation;
  std::memset(made, kPoison, bytes);
  if (type == cudaMemoryTypeDevice) forbidAccess(made, bytes);
  if (onDevice) used += bytes;
  if (pool != nullptr) {
    pool->used += bytes;
    pool->usedHigh = std::max(pool->usedHigh, pool->used);
  }
  state().memory.emplace(reinterpret_cast<uintptr_t>(made), Allocation{bytes, device, type, pool});
  *memory = made;
  return cudaSuccess;
}

// `memory` must be what an allocation returned, of the host or of a device.
cudaError_t release(void* memory, bool ofHost) {
  if (memory == nullptr) return cudaSuccess;
  const auto found = state().memory.find(reinterpret_cast<uintptr_t>(memory));
  if (found == state().memory.end()) return cudaErrorInvalidValue;
  const Allocation freed = found->second;
  if ((freed.type == cudaMemoryTypeHost) != ofHost) return cudaErrorInvalidValue;
  state().memory.erase(found);
  if (!ofHost) deviceOf(freed.device).used -= freed.bytes;
  if (freed.pool != nullptr) freed.pool->used -= freed.bytes;
  allowAccess(memory, freed.bytes);
  std::free(memory);
  return cudaSuccess;
}

// Whether a copy may access these bytes, which it expects on a device, on the host, or anywhere.
enum class Side { kHost, kDevice, kAnywhere };
bool isAccessible(const void* address, size_t bytes, Side side) {
  const Entry* entry = findMemory(address);
  if (entry == nullptr) return side != Side::kDevice && address != nullptr;
  const Allocation& found = entry->second;
  if (side == Side::kHost && found.type == cudaMemoryTypeDevice) return false;
  if (side == Side::kDevice && found.type == cudaMemoryTypeHost) return false;
  return bytes <= found.bytes - (reinterpret_cast<uintptr_t>(address) - entry->first);
}

bool isCopyable(const void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const bool anyhow = kind == cudaMemcpyDefault;
  const bool fromDevice = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool toDevice = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const auto side = [anyhow](bool device) {
    return anyhow ? Side::kAnywhere : device ? Side::kDevice : Side::kHost;
  };
  return isAccessible(to, bytes, side(toDevice)) && isAccessible(from, bytes, side(fromDevice));
}

void openAll() {
  settleKernels();
  for (int i = 0; i < settings().devices; ++i) openMemory(i);
}
void closeAll() {
  for (int i = 0; i < settings().devices; ++i) closeMemory(i);
}

cudaError_t copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t handle) {
  CUstream_st* stream = find(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  if (bytes == 0) return cudaSuccess;
  if (!isCopyable(to, from, bytes, kind)) return cudaErrorInvalidValue;
  return submit(*stream, [=, device = stream->device] {
    // Again, for a graph that is launched after memory was freed.
    if (!isCopyable(to, from, bytes, kind)) return lose(device, cudaErrorIllegalAddress);
    openAll();
    std::memcpy(to, from, bytes);
    closeAll();
    return cudaSuccess;
  });
}

cudaError_t fill(void* memory, int value, size_t bytes, cudaStream_t handle) {
  CUstream_st* stream = find(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  const auto isFillable = [=] { return findMemory(memory) && isAccessible(memory, bytes, Side::kAnywhere); };
  if (!isFillable()) return cudaErrorInvalidValue;
  return submit(*stream, [=, device = stream->device] {
    if (!isFillable()) return lose(device, cudaErrorIllegalAddress);
    openAll();
    std::memset(memory, value, bytes);
    closeAll();
    return cudaSuccess;
  });
}

cudaError_t unsafeThen(const char* name, const std::function<cudaError_t()>& body) {
  return call(name, [&] {
    const cudaError_t unsafe = checkUnsafe();
    return unsafe != cudaSuccess ? unsafe : body();
  });
}

void forMemoryOf(int device, void (*use)(const void*, size_t)) {
  if (!kAddressSanitizer) return;
  for (const auto& [address, found] : state().memory) {
    if (found.type == cudaMemoryTypeDevice && found.device == device) {
      use(reinterpret_cast<const void*>(address), found.bytes);
    }
  }
}

}  // namespace

void openMemory(int device) { forMemoryOf(device, allowAccess); }
void closeMemory(int device) { forMemoryOf(device, forbidAccess); }

}  // namespace cuda_on_cpu

using namespace cuda_on_cpu;

// ---- Allocations -----------------------------------------------------------------------------------------------

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  return unsafeThen("cudaMalloc",
                    [&] { return allocate(memory, bytes, currentDevice(), cudaMemoryTypeDevice); });
}

cudaError_t cudaMallocManaged(void** memory, size_t bytes, unsigned int) {
  return unsafeThen("cudaMallocManaged",
                    [&] { return allocate(memory, bytes, currentDevice(), cudaMemoryTypeManaged); });
}

cudaError_t cudaFree(void* memory) {
  return unsafeThen("cudaFree", [&] { return release(memory, false); });
}

cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned int) {
  return unsafeThen("cudaHostAlloc",
                    [&] { return allocate(memory, bytes, currentDevice(), cudaMemoryTypeHost); });
}

cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  return unsafeThen("cudaMallocHost",
                    [&] { return allocate(memory, bytes, currentDevice(), cudaMemoryTypeHost); });
}

cudaError_t cudaFreeHost(void* memory) {
  return unsafeThen("cudaFreeHost", [&] { return release(memory, true); });
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return call("cudaMemGetInfo", [&] {
    *total = settings().memoryBytes;
    *free = *total - deviceOf(currentDevice()).used;
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return call("cudaPointerGetAttributes", [&] {
    if (attributes == nullptr) return cudaErrorInvalidValue;
    void* address = const_cast<void*>(pointer);
    const Entry* entry = findMemory(pointer);
    if (entry == nullptr) {
      *attributes = {cudaMemoryTypeUnregistered, kInvalidDevice, nullptr, address};
    } else {
      const Allocation& found = entry->second;
      *attributes = {found.type, found.device, address,
                     found.type == cudaMemoryTypeDevice ? nullptr : address};
    }
    return cudaSuccess;
  });
}

// ---- Copies ----------------------------------------------------------------------------------------------------

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return unsafeThen("cudaMemcpy", [&] { return copy(to, from, bytes, kind, nullptr); });
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call("cudaMemcpyAsync", [&] { return copy(to, from, bytes, kind, stream); });
}
cudaError_t cudaMemset(void* memory, int value, size_t bytes) {
  return unsafeThen("cudaMemset", [&] { return fill(memory, value, bytes, nullptr); });
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  return call("cudaMemsetAsync", [&] { return fill(memory, value, bytes, stream); });
}

// ---- Allocations in stream order -------------------------------------------------------------------------------

namespace {

// While a stream is being captured this would be a node of the graph, which jumpout never asks for.
cudaError_t allocateInOrder(void** memory, size_t bytes, cudaMemPool_t pool, cudaStream_t handle) {
  CUstream_st* stream = find(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (isCapturing(*stream)) return invalidate(*stream->capture, cudaErrorStreamCaptureUnsupported);
  if (pool == nullptr) pool = &deviceOf(stream->device).pool;
  if (state().pools.count(pool) == 0) return cudaErrorInvalidValue;
  return allocate(memory, bytes, pool->device, cudaMemoryTypeDevice, pool);
}

}  // namespace

cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t stream) {
  return call("cudaMallocAsync", [&] { return allocateInOrder(memory, bytes, nullptr, stream); });
}

cudaError_t cudaMallocFromPoolAsync(void** memory, size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  return call("cudaMallocFromPoolAsync", [&] {
    return pool == nullptr ? cudaErrorInvalidValue : allocateInOrder(memory, bytes, pool, stream);
  });
}

cudaError_t cudaFreeAsync(void* memory, cudaStream_t handle) {
  return call("cudaFreeAsync", [&] {
    CUstream_st* stream = find(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (isCapturing(*stream)) return invalidate(*stream->capture, cudaErrorStreamCaptureUnsupported);
    return release(memory, false);
  });
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  return call("cudaMemPoolCreate", [&] {
    if (!settings().pools) return cudaErrorNotSupported;
    if (pool == nullptr || properties == nullptr || properties->allocType != cudaMemAllocationTypePinned ||
        properties->location.type != cudaMemLocationTypeDevice || properties->location.id < 0) {
      return cudaErrorInvalidValue;
    }
    if (properties->location.id >= settings().devices) return cudaErrorInvalidDevice;
    *pool = new CUmemPoolHandle_st;
    (*pool)->device = properties->location.id;
    state().pools.insert(*pool);
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  return call("cudaMemPoolDestroy", [&] {
    if (state().pools.count(pool) == 0 || pool == &deviceOf(pool->device).pool) return cudaErrorInvalidValue;
    // What was allocated from it stays until it is freed.
    for (auto& [address, found] : state().memory) {
      if (found.pool == pool) found.pool = nullptr;
    }
    state().pools.erase(pool);
    delete pool;
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return call("cudaMemPoolSetAttribute", [&] {
    if (state().pools.count(pool) == 0 || value == nullptr) return cudaErrorInvalidValue;
    switch (attribute) {
      case cudaMemPoolReuseFollowEventDependencies:
      case cudaMemPoolReuseAllowOpportunistic:
      case cudaMemPoolReuseAllowInternalDependencies: return cudaSuccess;
      case cudaMemPoolAttrReleaseThreshold:
        pool->releaseThreshold = *static_cast<uint64_t*>(value);
        return cudaSuccess;
      default: return cudaErrorInvalidValue;
    }
  });
}

// Freed memory goes back at once, so that AddressSanitizer sees later uses: reserved memory is used memory.
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return call("cudaMemPoolGetAttribute", [&] {
    if (state().pools.count(pool) == 0 || value == nullptr) return cudaErrorInvalidValue;
    uint64_t& number = *static_cast<uint64_t*>(value);
    switch (attribute) {
      case cudaMemPoolAttrReleaseThreshold: number = pool->releaseThreshold; return cudaSuccess;
      case cudaMemPoolAttrReservedMemCurrent:
      case cudaMemPoolAttrUsedMemCurrent: number = pool->used; return cudaSuccess;
      case cudaMemPoolAttrReservedMemHigh:
      case cudaMemPoolAttrUsedMemHigh: number = pool->usedHigh; return cudaSuccess;
      default: return cudaErrorInvalidValue;
    }
  });
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t) {
  return call("cudaMemPoolTrimTo",
              [&] { return state().pools.count(pool) == 0 ? cudaErrorInvalidValue : cudaSuccess; });
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  return call("cudaDeviceGetDefaultMemPool", [&] {
    if (device < 0 || device >= settings().devices) return cudaErrorInvalidDevice;
    *pool = &deviceOf(device).pool;
    return cudaSuccess;
  });
}
