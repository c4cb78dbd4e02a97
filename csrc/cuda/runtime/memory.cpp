// Memory of jumpout_cuda.h: a pool of our own on each device, in stream order.
#include <algorithm>

#include "core/failure.hpp"
#include "cuda/runtime/deferred_frees.hpp"
#include "cuda/runtime/memory_kind.hpp"
#include "cuda/runtime/streams.hpp"
#include "jumpout_cuda.h"

namespace jumpout::cuda {
namespace {

cudaError_t tryToAllocate(const Arena& arena, size_t bytes, cudaStream_t stream, void** memory) {
  if (!arena.pool) return cudaMalloc(memory, bytes);
  if (const cudaError_t error = cudaMallocFromPoolAsync(memory, bytes, arena.pool, stream)) return error;
  return stream == arena.allocating ? cudaStreamSynchronize(stream) : cudaSuccess;
}

// When memory runs out, first gives back what the pool keeps, then takes memory whose last users are still at work.
// Only the latter waits for other work: on the device and, for memory that is usable at once, on this thread.
cudaError_t allocate(const Arena& arena, size_t bytes, cudaStream_t stream, void** memory) {
  cudaError_t error = tryToAllocate(arena, bytes, stream, memory);
  if (error != cudaErrorMemoryAllocation) return error;
  failedQuietly(error);
  runDeferredFrees();
  if (arena.pool) failedQuietly(cudaMemPoolTrimTo(arena.pool, 0));
  error = tryToAllocate(arena, bytes, stream, memory);
  if (error != cudaErrorMemoryAllocation || !arena.pool) return error;
  failedQuietly(error);
  int wait = 1;
  failedQuietly(cudaMemPoolSetAttribute(arena.pool, cudaMemPoolReuseAllowInternalDependencies, &wait));
  error = tryToAllocate(arena, bytes, stream, memory);
  wait = 0;
  const cudaError_t reset =
      cudaMemPoolSetAttribute(arena.pool, cudaMemPoolReuseAllowInternalDependencies, &wait);
  return error ? error : reset;
}

}  // namespace

cudaError_t kindOf(const void* pointer, jumpout_memory& memory) noexcept {
  memory = {JUMPOUT_MEMORY_HOST, -1};
  cudaPointerAttributes attributes = {};
  const cudaError_t error = cudaPointerGetAttributes(&attributes, pointer);
  if (error == cudaErrorInvalidValue) {  // older drivers' answer for memory that CUDA does not know
    failedQuietly(error);
    return cudaSuccess;
  }
  if (error) return error;
  switch (attributes.type) {
    case cudaMemoryTypeHost: memory.kind = JUMPOUT_MEMORY_PINNED; break;
    case cudaMemoryTypeDevice: memory = {JUMPOUT_MEMORY_DEVICE, attributes.device}; break;
    case cudaMemoryTypeManaged: memory = {JUMPOUT_MEMORY_MANAGED, attributes.device}; break;
    default: break;
  }
  return cudaSuccess;
}

}  // namespace jumpout::cuda

using namespace jumpout;
using namespace jumpout::cuda;

jumpout_status jumpout_cuda_allocate(int32_t device, size_t bytes, void* stream, int32_t at_once,
                                     void** memory) {
  if (!memory) return failing(JUMPOUT_NULL_POINTER, "memory");
  *memory = nullptr;
  const DeviceScope scope(device);
  if (scope.status()) return scope.status();
  auto on = static_cast<cudaStream_t>(stream);
  bool own = at_once != 0;
  if (!own) {
    if (const jumpout_status status = checkStream(on, scope.device())) return status;
    // Memory that a graph allocates would belong to the graph.
    if (const cudaError_t error = isCapturing(on, own)) return statusOf(error);
  }
  const Arena* arena = nullptr;
  if (const cudaError_t error = arenaOf(scope.device(), arena)) return statusOf(error);
  runDeferredFrees();
  void* found = nullptr;
  const cudaError_t error =
      allocate(*arena, std::max<size_t>(bytes, 1), own ? arena->allocating : on, &found);
  if (error == cudaSuccess) *memory = found;
  return statusOf(error);
}

jumpout_status jumpout_cuda_free(int32_t device, void* memory, void* const* streams, size_t stream_count) {
  if (!memory) return JUMPOUT_OK;
  if (!streams && stream_count) return failing(JUMPOUT_NULL_POINTER, "streams");
  const DeviceScope scope(device);
  if (scope.status()) return scope.status();
  runDeferredFrees();
  return freeAfter(scope.device(), memory, reinterpret_cast<const cudaStream_t*>(streams), stream_count);
}

jumpout_status jumpout_cuda_allocate_pinned(size_t bytes, void** memory) {
  return makeOn<void*>(-1, memory, "memory", [bytes](void** made) {
    return cudaHostAlloc(made, std::max<size_t>(bytes, 1), cudaHostAllocPortable | cudaHostAllocMapped);
  });
}

jumpout_status jumpout_cuda_free_pinned(void* memory) {
  if (!memory) return JUMPOUT_OK;
  const DeviceScope scope(-1);
  return scope.status() ? scope.status() : statusOf(cudaFreeHost(memory));
}

jumpout_status jumpout_cuda_memory_of(const void* pointer, jumpout_memory* memory) {
  if (!memory) return failing(JUMPOUT_NULL_POINTER, "memory");
  *memory = {JUMPOUT_MEMORY_HOST, -1};
  const DeviceScope scope(-1);
  return scope.status() ? scope.status() : statusOf(kindOf(pointer, *memory));
}
