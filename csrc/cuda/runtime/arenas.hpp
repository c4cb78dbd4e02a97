// What each device needs for its memory: made at the first call that asks for it, and never destroyed.
#pragma once

#include "cuda/runtime/errors.hpp"

namespace jumpout::cuda {

// The streams are our own, so that no other work delays an allocation.
struct Arena {
  cudaMemPool_t pool = nullptr;  // nullptr: this device has none, and memory comes from cudaMalloc
  cudaStream_t allocating = nullptr;
  cudaStream_t releasing = nullptr;  // waits for everything that used what is freed on it
};

// Of the current device, which is `device`. On failure the next call tries again.
cudaError_t arenaOf(int32_t device, const Arena*& arena) noexcept;

}  // namespace jumpout::cuda
