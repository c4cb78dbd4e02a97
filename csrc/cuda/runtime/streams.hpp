// What memory, copies and graphs need of streams.
#pragma once

#include "cuda/runtime/errors.hpp"

namespace jumpout::cuda {

// A blocking stream's capture counts for the legacy default stream too: that may not be used meanwhile either.
cudaError_t isCapturing(cudaStream_t stream, bool& capturing) noexcept;

// Makes `stream` wait for what is enqueued on `other`, a stream of the current device.
cudaError_t enqueueWait(cudaStream_t stream, cudaStream_t other) noexcept;

// Whether a stream is one of this device; if not, names the argument "stream".
jumpout_status checkStream(cudaStream_t stream, int32_t device) noexcept;

}  // namespace jumpout::cuda
