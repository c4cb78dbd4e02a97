// Common parts of the tests of device memory, streams and graphs.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>
#include <vector>

#include "check.hpp"
#include "jumpout_cuda.h"

namespace device_runtime {

#if defined(JUMPOUT_CUDA_ON_CPU)
inline constexpr bool kEmulated = true;  // freed memory is known as such, and misuse is harmless
#else
inline constexpr bool kEmulated = false;
#endif

inline void ok(jumpout_status status, const std::string& what) {
  std::string text = what;
  if (status != JUMPOUT_OK)
    text += ": " + std::string(jumpout_status_text(status)) + " (" + jumpout_status_field() + ")";
  if (status == JUMPOUT_CUDA_ERROR) text += std::string(", ") + jumpout_last_cuda_error().name;
  check::that(status == JUMPOUT_OK, text);
}

inline void refused(jumpout_status got, jumpout_status want, const std::string& field,
                    const std::string& what) {
  check::that(got == want && jumpout_status_field() == field,
              what + ": status " + std::to_string(got) + " for '" + jumpout_status_field() + "', expected " +
                  std::to_string(want) + " for '" + field + "'");
  check::that(cudaPeekAtLastError() == cudaSuccess, what + ": CUDA remembers no error");
}

// A failing call of CUDA that is not the end of the device.
inline void failed(jumpout_status got, cudaError_t want, const std::string& field, const std::string& what) {
  refused(got, JUMPOUT_CUDA_ERROR, field, what);
  const jumpout_cuda_error error = jumpout_last_cuda_error();
  check::that(error.number == want && error.name == std::string(cudaGetErrorName(want)) &&
                  error.text == std::string(cudaGetErrorString(want)) && error.sticky == 0,
              what + ": " + error.name);
}

// More than any device has: a driver may say that such a size makes no sense.
inline constexpr size_t kTooMuch = SIZE_MAX / 4;
inline void refusedAsTooMuch(jumpout_status got, const std::string& what) {
  const bool invalid = jumpout_last_cuda_error().number == cudaErrorInvalidValue;
  failed(got, invalid ? cudaErrorInvalidValue : cudaErrorMemoryAllocation, "", what);
}

inline void cuda(cudaError_t error, const std::string& what) {
  check::that(error == cudaSuccess, what + ": " + cudaGetErrorName(error));
}

struct Stream {
  explicit Stream(int32_t device) : device(device) {
    ok(jumpout_cuda_stream_create(device, &handle), "a stream");
  }
  ~Stream() {
    if (handle) ok(jumpout_cuda_stream_destroy(device, handle), "the end of a stream");
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t cuda() const { return static_cast<cudaStream_t>(handle); }

  int32_t device;
  void* handle = nullptr;
};

inline void* allocated(int32_t device, size_t bytes, void* stream = nullptr, bool at_once = true) {
  void* memory = nullptr;
  ok(jumpout_cuda_allocate(device, bytes, stream, at_once, &memory), "device memory");
  check::that(memory && reinterpret_cast<uintptr_t>(memory) % 256 == 0, "device memory is aligned");
  return memory;
}

inline void freed(int32_t device, void* memory, std::vector<void*> streams = {}) {
  ok(jumpout_cuda_free(device, memory, streams.data(), streams.size()), "free");
}

inline jumpout_memory kindOf(const void* pointer) {
  jumpout_memory memory = {};
  ok(jumpout_cuda_memory_of(pointer, &memory), "where a pointer points");
  return memory;
}

// Only the emulator knows at once.
inline bool isFreed(const void* pointer) { return !kEmulated || kindOf(pointer).kind == JUMPOUT_MEMORY_HOST; }
inline bool isKept(const void* pointer) {
  return !kEmulated || kindOf(pointer).kind == JUMPOUT_MEMORY_DEVICE;
}

std::vector<uint64_t> numbersOf(int32_t device, const void* memory, size_t count, void* stream = nullptr);

// Sections, one file each.
void memory();
void frees();
void copies();
void streams();
void graphs();
void threads();
void arguments();
void failures(const char* program);
// The test in a child process of failures(); its exit status is the result.
int runScenario(const std::string& name);

}  // namespace device_runtime
