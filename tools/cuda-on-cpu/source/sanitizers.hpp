// Notes for the sanitizers: the stack in use, and the CUDA operations that order memory.
//
// The machine's own files are compiled without ThreadSanitizer (CUDA_ON_CPU_TSAN says that the kernels are with it), so
// that it sees what kernels do to memory, and of the machine only acquire and release.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(CUDA_ON_CPU_TSAN)
extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace cuda_on_cpu {

#if defined(CUDA_ON_CPU_TSAN)
constexpr bool kThreadSanitizer = true;
inline void acquire(void* address) { __tsan_acquire(address); }
inline void release(void* address) { __tsan_release(address); }

// Hides accesses, allocations and releases of the machine itself, also through intercepted functions.
class Unwatched {
 public:
  Unwatched() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unwatched() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};
#else
constexpr bool kThreadSanitizer = false;
inline void acquire(void*) {}
inline void release(void*) {}
class Unwatched {
 public:
  Unwatched() {}
};
#endif

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
inline void allowAccess(const void* memory, size_t bytes) { __asan_unpoison_memory_region(memory, bytes); }
inline void forbidAccess(const void* memory, size_t bytes) { __asan_poison_memory_region(memory, bytes); }
#else
constexpr bool kAddressSanitizer = false;
inline void allowAccess(const void*, size_t) {}
inline void forbidAccess(const void*, size_t) {}
#endif

}  // namespace cuda_on_cpu
