// What memory, copies and graphs need of streams.
#pragma once

#include "core/failure.hpp"
#include "cuda/runtime/errors.hpp"

namespace jumpout::cuda {

// A blocking stream's capture counts for the legacy default stream too: that may not be used meanwhile either.
cudaError_t isCapturing(cudaStream_t stream, bool& capturing) noexcept;

// Makes `stream` wait for what is enqueued on `other`, a stream of the current device.
cudaError_t enqueueWait(cudaStream_t stream, cudaStream_t other) noexcept;

// Whether a stream is one of this device; if not, names the argument "stream".
jumpout_status checkStream(cudaStream_t stream, int32_t device) noexcept;

// Whether a stream is not being captured; if it is, names the argument "stream".
jumpout_status refuseCapture(cudaStream_t stream) noexcept;

// DeviceScope for a call on a stream, which is checked to be one of the device.
class StreamScope {
 public:
  StreamScope(int32_t device, void* stream) noexcept
      : scope_(device), stream_(static_cast<cudaStream_t>(stream)), status_(scope_.status()) {
    if (status_ == JUMPOUT_OK) status_ = checkStream(stream_, scope_.device());
  }

  jumpout_status status() const { return status_; }
  int32_t device() const { return scope_.device(); }
  cudaStream_t stream() const { return stream_; }

 private:
  DeviceScope scope_;
  cudaStream_t stream_;
  jumpout_status status_;
};

// Makes a handle on a device: *made is what `make` wrote, or nullptr. `field` is the name of the argument `made`.
template <class Handle, class Make>
jumpout_status makeOn(int32_t device, void** made, const char* field, Make make) noexcept {
  if (!made) return failing(JUMPOUT_NULL_POINTER, field);
  *made = nullptr;
  const DeviceScope scope(device);
  if (scope.status()) return scope.status();
  Handle handle = nullptr;
  const jumpout_status status = statusOf(make(&handle));
  if (status == JUMPOUT_OK) *made = handle;
  return status;
}

}  // namespace jumpout::cuda
