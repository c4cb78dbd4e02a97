// Whether a thread is inside of a function of the runtime API: tests that let allocations fail spare those of the "driver".
#pragma once

#include <atomic>

namespace cuda_on_cpu {

// Atomic, for to ThreadSanitizer the CUDA threads that a thread runs are threads themselves; relaxed, to order nothing else.
inline thread_local std::atomic<int> callsInProgress{0};

struct CallInProgress {
  CallInProgress() { callsInProgress.fetch_add(1, std::memory_order_relaxed); }
  ~CallInProgress() { callsInProgress.fetch_sub(1, std::memory_order_relaxed); }
  CallInProgress(const CallInProgress&) = delete;
  CallInProgress& operator=(const CallInProgress&) = delete;
};

}  // namespace cuda_on_cpu
