#include "cuda/runtime/deferred_frees.hpp"

#include <atomic>
#include <list>
#include <mutex>
#include <new>
#include <vector>

#include "core/failure.hpp"
#include "cuda/runtime/streams.hpp"

namespace jumpout::cuda {
namespace {

struct Release {
  int32_t device;
  void* memory;
  std::vector<cudaStream_t> streams;  // not waited for yet
  bool lost_stream = false;           // one was destroyed by its owner, perhaps with work still running
};

struct Deferred {
  std::mutex lock;
  std::list<Release> list;
  std::atomic<size_t> count{0};  // of the list: the usual empty one is not locked
};

Deferred& deferred() {
  // Never destroyed, and without memory that could be lacking where nothing is deferred.
  alignas(Deferred) static unsigned char memory[sizeof(Deferred)];
  static Deferred& all = *new (memory) Deferred();
  return all;
}

void defer(std::list<Release>& one) {
  Deferred& all = deferred();
  const std::lock_guard<std::mutex> guard(all.lock);
  all.list.splice(all.list.end(), one);
  all.count = all.list.size();
}

cudaError_t waitFor(const Arena& arena, cudaStream_t stream) {
  return arena.pool ? enqueueWait(arena.releasing, stream) : cudaStreamSynchronize(stream);
}

// Waits, in stream order, for every stream that is not being captured. True where nothing is left to wait for.
bool waitForStreams(const Arena& arena, Release& release) {
  size_t left = 0;
  for (const cudaStream_t stream : release.streams) {
    bool capturing = false;
    const cudaError_t asked = isCapturing(stream, capturing);
    if (asked == cudaSuccess && capturing)
      release.streams[left++] = stream;
    else if (asked || failedQuietly(waitFor(arena, stream)))
      release.lost_stream = true;
  }
  release.streams.resize(left);
  if (left) return false;
  if (!release.lost_stream) return true;
  // A stream was destroyed: wait for the whole device. CUDA refuses that during a capture: retry later.
  const cudaError_t error = cudaDeviceSynchronize();
  release.lost_stream = failedQuietly(error) && !isSticky(error);
  return !release.lost_stream;
}

cudaError_t freeNow(const Arena& arena, void* memory, cudaStream_t stream) {
  return arena.pool ? cudaFreeAsync(memory, stream) : cudaFree(memory);
}

jumpout_status freeAfterAll(const Arena& arena, int32_t device, void* memory, const cudaStream_t* streams,
                            size_t count) {
  std::list<Release> one;
  one.push_back({device, memory, {streams, streams + count}});
  if (waitForStreams(arena, one.front())) return statusOf(freeNow(arena, memory, arena.releasing));
  defer(one);
  return JUMPOUT_OK;
}

// True where it is off the list.
bool runOne(Release& release) {
  const DeviceScope scope(release.device);
  const Arena* arena = nullptr;
  if (scope.status() || failedQuietly(arenaOf(release.device, arena))) return false;
  if (!waitForStreams(*arena, release)) return false;
  failedQuietly(freeNow(*arena, release.memory, arena->releasing));
  return true;
}

}  // namespace

jumpout_status freeAfter(int32_t device, void* memory, const cudaStream_t* streams, size_t count) noexcept {
  const Arena* arena = nullptr;
  if (const cudaError_t error = arenaOf(device, arena)) return statusOf(error);
  if (count == 0) return statusOf(freeNow(*arena, memory, arena->allocating));
  // The usual case: one stream, whose order is the right one by itself.
  bool capturing = false;
  if (arena->pool && count == 1 && !isCapturing(*streams, capturing) && !capturing)
    return statusOf(cudaFreeAsync(memory, *streams));
  try {
    return freeAfterAll(*arena, device, memory, streams, count);
  } catch (const std::bad_alloc&) {
    return failing(JUMPOUT_OUT_OF_MEMORY);
  }
}

void runDeferredFrees() noexcept {
  Deferred& all = deferred();
  if (all.count == 0) return;
  // Locked to the end: jumpout_cuda_stream_destroy calls this first, and no thread may query the stream after that.
  const std::lock_guard<std::mutex> guard(all.lock);
  all.list.remove_if(runOne);
  all.count = all.list.size();
}

}  // namespace jumpout::cuda
