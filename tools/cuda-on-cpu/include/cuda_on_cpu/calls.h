// Whether a thread is inside of a function of the runtime API: tests that let allocations fail spare those of the "driver".
#pragma once

namespace cuda_on_cpu {

inline thread_local int callsInProgress = 0;

struct CallInProgress {
  CallInProgress() { ++callsInProgress; }
  ~CallInProgress() { --callsInProgress; }
  CallInProgress(const CallInProgress&) = delete;
  CallInProgress& operator=(const CallInProgress&) = delete;
};

}  // namespace cuda_on_cpu
