// A fiber: a stack, and the point that its execution has reached.
#pragma once

#include <cstddef>

#if !defined(__x86_64__) && !defined(CUDA_ON_CPU_UCONTEXT)
#define CUDA_ON_CPU_UCONTEXT
#endif
#if defined(CUDA_ON_CPU_UCONTEXT)
#include <ucontext.h>
#endif

namespace cuda_on_cpu {

struct Context {
  void* stackPointer = nullptr;
  const void* stack = nullptr;  // lowest address; of the operating system's stack, known once it was left
  size_t stackBytes = 0;
  void* fakeStack = nullptr;  // AddressSanitizer's
  void* tsanFiber = nullptr;
#if defined(CUDA_ON_CPU_UCONTEXT)
  ucontext_t saved;
#endif
};

// The context of the caller, to come back to.
void adoptCurrent(Context& context);

// A context that will begin with `entry`, which must not return.
void begin(Context& context, void* stack, size_t bytes, void (*entry)());
void end(Context& context);

// Returns when something switches back to `from`; never, if that was `finished`.
void switchContext(Context& from, Context& to, bool finished = false);

// For ThreadSanitizer: as if `context` had released the address before it was left for good.
void releaseFor(Context& context, const Context& current, void* address);

}  // namespace cuda_on_cpu
