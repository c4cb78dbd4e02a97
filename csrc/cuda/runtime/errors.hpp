// Errors of CUDA as statuses, and the device that a call works on. C++17: kernel sources include it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "jumpout.h"

namespace jumpout::cuda {

// Remembers what failed for jumpout_last_cuda_error, and makes CUDA forget it: later checks must not find it again.
jumpout_status statusOf(cudaError_t error) noexcept;

// After such an error the device is lost to this process.
bool isSticky(cudaError_t error) noexcept;

// For errors that the caller expects: makes CUDA forget them and keeps no record.
inline bool failedQuietly(cudaError_t error) noexcept {
  if (error != cudaSuccess) cudaGetLastError();
  return error != cudaSuccess;
}

// Which device a number means: -1 is the current one. Touches none.
jumpout_status deviceOf(int32_t device, int32_t& number) noexcept;

// RAII: makes the device current for this thread (-1: keeps the current one) and relaxes the thread's capture mode,
// and restores both. The relaxed mode lets the thread allocate, wait and load code while another stream is being
// captured, which CUDA forbids by default. That is safe, since nothing here depends on captured work.
class DeviceScope {
 public:
  explicit DeviceScope(int32_t device) noexcept;
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

  jumpout_status status() const { return status_; }
  int32_t device() const { return device_; }

 private:
  jumpout_status enter(int32_t device) noexcept;

  int32_t device_ = -1;
  int previous_ = -1;  // to be restored; -1: nothing was changed
  bool relaxed_ = false;
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
  jumpout_status status_;
};

}  // namespace jumpout::cuda
