// Frees in the order of the streams that used the memory, and those that have to wait for the end of a capture.
#pragma once

#include "cuda/runtime/arenas.hpp"

namespace jumpout::cuda {

// Frees memory of the current device after what is enqueued on these streams. While one of them is being captured
// the memory goes on a list instead: a wait or a free would become a part of the capture.
jumpout_status freeAfter(int32_t device, void* memory, const cudaStream_t* streams, size_t count) noexcept;

// Frees what is on the list and no longer has to wait. Drops errors: the caller's free already returned success.
void runDeferredFrees() noexcept;

}  // namespace jumpout::cuda
