#include "cuda/runtime/arenas.hpp"

#include <mutex>

#include "core/published.hpp"
#include "cuda/cuda_support.hpp"

namespace jumpout::cuda {
namespace {

// At most this share of the device's memory, once freed, stays in the pool for the next allocation: an eighth.
constexpr uint64_t kKeptShare = 8;

struct Slot {
  std::mutex lock;
  Arena arena;
  bool made = false;
};

cudaError_t makePool(int32_t device, cudaMemPool_t& pool) {
  cudaMemPoolProps properties = {};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.handleTypes = cudaMemHandleTypeNone;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  if (const cudaError_t error = cudaMemPoolCreate(&pool, &properties)) return error;
  size_t free_bytes = 0, total_bytes = 0;
  cudaError_t error = cudaMemGetInfo(&free_bytes, &total_bytes);
  uint64_t kept = total_bytes / kKeptShare;
  if (error == cudaSuccess) error = cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept);
  // An allocation never waits for the work that still uses freed memory.
  int no = 0;
  if (error == cudaSuccess)
    error = cudaMemPoolSetAttribute(pool, cudaMemPoolReuseAllowInternalDependencies, &no);
  if (error != cudaSuccess) {
    failedQuietly(cudaMemPoolDestroy(pool));
    pool = nullptr;
  }
  return error;
}

cudaError_t make(int32_t device, Arena& arena) {
  int pools = 0;
  if (const cudaError_t error = cudaDeviceGetAttribute(&pools, cudaDevAttrMemoryPoolsSupported, device))
    return error;
  for (cudaStream_t* stream : {&arena.allocating, &arena.releasing}) {
    if (*stream) continue;
    if (const cudaError_t error = cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking)) return error;
  }
  return pools ? makePool(device, arena.pool) : cudaSuccess;
}

}  // namespace

cudaError_t arenaOf(int32_t device, const Arena*& arena) noexcept {
  static std::atomic<Slot*> all{nullptr};
  Slot* const slots = publishedArray(all, static_cast<size_t>(support().devices));
  if (!slots) return cudaErrorMemoryAllocation;
  Slot& slot = slots[device];
  const std::lock_guard<std::mutex> guard(slot.lock);
  if (!slot.made) {
    if (const cudaError_t error = make(device, slot.arena)) return error;
    slot.made = true;
  }
  arena = &slot.arena;
  return cudaSuccess;
}

}  // namespace jumpout::cuda
