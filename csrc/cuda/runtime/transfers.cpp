// Copies, fills and stores of jumpout_cuda.h.
#include "core/failure.hpp"
#include "cuda/kernels/store.hpp"
#include "cuda/runtime/memory_kind.hpp"
#include "cuda/runtime/streams.hpp"

using namespace jumpout;
using namespace jumpout::cuda;

namespace {

// Pinned and managed memory are accepted, since the device reaches both.
jumpout_status checkWritable(const void* memory, const char* field, int32_t device) {
  jumpout_memory found;
  if (const cudaError_t error = kindOf(memory, found)) return failing(statusOf(error), field);
  if (found.kind == JUMPOUT_MEMORY_HOST) return failing(JUMPOUT_NOT_ON_DEVICE, field);
  if (found.kind == JUMPOUT_MEMORY_DEVICE && found.device != device)
    return failing(JUMPOUT_BAD_DEVICE, field);
  return JUMPOUT_OK;
}

}  // namespace

jumpout_status jumpout_cuda_copy(int32_t device, void* to, const void* from, size_t bytes, void* stream) {
  const StreamScope scope(device, stream);
  if (scope.status()) return scope.status();
  if (bytes == 0) return JUMPOUT_OK;
  if (!to) return failing(JUMPOUT_NULL_POINTER, "to");
  if (!from) return failing(JUMPOUT_NULL_POINTER, "from");
  jumpout_memory target, source;
  if (const cudaError_t error = kindOf(to, target)) return failing(statusOf(error), "to");
  if (const cudaError_t error = kindOf(from, source)) return failing(statusOf(error), "from");
  const bool pageable = target.kind == JUMPOUT_MEMORY_HOST || source.kind == JUMPOUT_MEMORY_HOST;
  if (pageable)
    if (const jumpout_status status = refuseCapture(scope.stream())) return status;
  if (const cudaError_t error = cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, scope.stream()))
    return statusOf(error);
  // CUDA promises nothing here: with pageable memory such a copy "might be" done when the call returns.
  return pageable ? statusOf(cudaStreamSynchronize(scope.stream())) : JUMPOUT_OK;
}

jumpout_status jumpout_cuda_fill(int32_t device, void* memory, uint8_t value, size_t bytes, void* stream) {
  const StreamScope scope(device, stream);
  if (scope.status()) return scope.status();
  if (bytes == 0) return JUMPOUT_OK;
  if (!memory) return failing(JUMPOUT_NULL_POINTER, "memory");
  if (const jumpout_status status = checkWritable(memory, "memory", scope.device())) return status;
  return statusOf(cudaMemsetAsync(memory, value, bytes, scope.stream()));
}

jumpout_status jumpout_cuda_store(int32_t device, uint64_t* to, const uint64_t* values, size_t count,
                                  void* stream) {
  const StreamScope scope(device, stream);
  if (scope.status()) return scope.status();
  if (count == 0) return JUMPOUT_OK;
  if (!to) return failing(JUMPOUT_NULL_POINTER, "to");
  if (!values) return failing(JUMPOUT_NULL_POINTER, "values");
  if (reinterpret_cast<uintptr_t>(to) % sizeof(uint64_t)) return failing(JUMPOUT_MISALIGNED, "to");
  if (const jumpout_status status = checkWritable(to, "to", scope.device())) return status;
  return statusOf(storeValues(to, values, count, scope.stream()));
}
