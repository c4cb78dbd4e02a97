// Compiled instead of everything else in this folder where a build has no CUDA.
#include "core/failure.hpp"
#include "cuda/backend.hpp"
#include "cuda/cuda_support.hpp"
#include "jumpout_cuda.h"

namespace jumpout::cuda {

extern const char kWhyLeftOut[];  // made by CMake

namespace {

jumpout_status none() noexcept { return failing(JUMPOUT_NO_CUDA); }

template <class Output>
jumpout_status noneFor(Output* output) noexcept {
  if (output) *output = {};
  return none();
}

}  // namespace

Support support() noexcept { return {false, JUMPOUT_NO_CUDA, kWhyLeftOut, 0}; }
jumpout_status checkPlace(int32_t, void*) noexcept { return none(); }

jumpout_status forward(const jumpout_device_forward_args&, const Policy&, Taken*) noexcept { return none(); }
jumpout_status backward(const jumpout_device_backward_args&, const Policy&, Taken*) noexcept {
  return none();
}
jumpout_status countActive(const jumpout_device_count_args&, const Policy&) noexcept { return none(); }
jumpout_status capacityOf(Way, jumpout_dtype, int32_t, const Policy&, uint64_t& elements) noexcept {
  elements = 0;
  return none();
}

}  // namespace jumpout::cuda

using namespace jumpout::cuda;

jumpout_cuda_error jumpout_last_cuda_error(void) { return {0, "cudaSuccess", "no error", 0}; }
int32_t jumpout_cuda_device_count(void) { return 0; }
jumpout_status jumpout_cuda_device_of(int32_t, jumpout_cuda_device* found) { return noneFor(found); }

jumpout_status jumpout_cuda_allocate(int32_t, size_t, void*, int32_t, void** memory) {
  return noneFor(memory);
}
jumpout_status jumpout_cuda_free(int32_t, void* memory, void* const*, size_t) {
  return memory ? none() : JUMPOUT_OK;
}
jumpout_status jumpout_cuda_allocate_pinned(size_t, void** memory) { return noneFor(memory); }
jumpout_status jumpout_cuda_free_pinned(void* memory) { return memory ? none() : JUMPOUT_OK; }
jumpout_status jumpout_cuda_memory_of(const void*, jumpout_memory* memory) {
  if (memory) *memory = {JUMPOUT_MEMORY_HOST, -1};
  return none();
}
jumpout_status jumpout_cuda_copy(int32_t, void*, const void*, size_t, void*) { return none(); }
jumpout_status jumpout_cuda_fill(int32_t, void*, uint8_t, size_t, void*) { return none(); }
jumpout_status jumpout_cuda_store(int32_t, uint64_t*, const uint64_t*, size_t, void*) { return none(); }

jumpout_status jumpout_cuda_stream_create(int32_t, void** stream) { return noneFor(stream); }
jumpout_status jumpout_cuda_stream_destroy(int32_t, void*) { return none(); }
jumpout_status jumpout_cuda_stream_device(void*, int32_t* device) {
  if (device) *device = -1;
  return none();
}
jumpout_status jumpout_cuda_stream_synchronize(int32_t, void*) { return none(); }
jumpout_status jumpout_cuda_stream_capturing(int32_t, void*, int32_t* capturing) {
  return noneFor(capturing);
}
jumpout_status jumpout_cuda_stream_wait(int32_t, void*, void*) { return none(); }

jumpout_status jumpout_cuda_event_create(int32_t, void** event) { return noneFor(event); }
jumpout_status jumpout_cuda_event_destroy(int32_t, void*) { return none(); }
jumpout_status jumpout_cuda_event_record(int32_t, void*, void*) { return none(); }
jumpout_status jumpout_cuda_event_elapsed(void*, void*, float* milliseconds) { return noneFor(milliseconds); }

jumpout_status jumpout_cuda_capture_begin(int32_t, void*) { return none(); }
jumpout_status jumpout_cuda_capture_end(int32_t, void*, void** graph) { return noneFor(graph); }
jumpout_status jumpout_cuda_graph_launch(int32_t, void*, void*) { return none(); }
jumpout_status jumpout_cuda_graph_destroy(int32_t, void* graph) { return graph ? none() : JUMPOUT_OK; }
