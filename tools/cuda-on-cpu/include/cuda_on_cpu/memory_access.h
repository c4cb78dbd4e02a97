// Atomics, fences, and loads and stores past the caches.
//
// Atomics are relaxed, as CUDA's are: under ThreadSanitizer a kernel that publishes data without __threadfence races.
#pragma once

#include <type_traits>

#include "cuda_on_cpu/language.h"

namespace cuda_on_cpu {

// Called before every atomic access. In random orders another thread may run first.
void turnToRead(const void* from);
void turnToWrite(const void* to);
// Runs another thread; spin loops must call it, since threads are not preempted.
void sleep(const char* file, int line);
void fence();

template <class T>
constexpr bool fitsAtomic = sizeof(T) <= 8 && sizeof(T) == alignof(T);

template <class T>
T loadRelaxed(const T* from) {
  turnToRead(from);
  if constexpr (fitsAtomic<T>) {
    T value;
    __atomic_load(const_cast<T*>(from), &value, __ATOMIC_RELAXED);
    return value;
  } else {
    return *from;
  }
}

template <class T>
void storeRelaxed(T* to, T value) {
  turnToWrite(to);
  if constexpr (fitsAtomic<T>) {
    __atomic_store(to, &value, __ATOMIC_RELAXED);
  } else {
    *to = value;
  }
}

template <class T, class Change>
T exchangeBy(T* target, Change change) {
  turnToWrite(target);
  T before = __atomic_load_n(target, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(target, &before, change(before), false, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED)) {
  }
  return before;
}

}  // namespace cuda_on_cpu

// ---- Atomics ---------------------------------------------------------------------------------------------------

#define CUDA_ON_CPU_ATOMICS(T)                                                                        \
  inline T atomicAdd(T* target, T value) {                                                            \
    cuda_on_cpu::turnToWrite(target);                                                                 \
    return __atomic_fetch_add(target, value, __ATOMIC_RELAXED);                                       \
  }                                                                                                   \
  inline T atomicExch(T* target, T value) {                                                           \
    cuda_on_cpu::turnToWrite(target);                                                                 \
    return __atomic_exchange_n(target, value, __ATOMIC_RELAXED);                                      \
  }                                                                                                   \
  inline T atomicCAS(T* target, T expected, T value) {                                                \
    cuda_on_cpu::turnToWrite(target);                                                                 \
    __atomic_compare_exchange_n(target, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
    return expected;                                                                                  \
  }                                                                                                   \
  inline T atomicAnd(T* target, T value) {                                                            \
    cuda_on_cpu::turnToWrite(target);                                                                 \
    return __atomic_fetch_and(target, value, __ATOMIC_RELAXED);                                       \
  }                                                                                                   \
  inline T atomicOr(T* target, T value) {                                                             \
    cuda_on_cpu::turnToWrite(target);                                                                 \
    return __atomic_fetch_or(target, value, __ATOMIC_RELAXED);                                        \
  }                                                                                                   \
  inline T atomicMin(T* target, T value) {                                                            \
    return cuda_on_cpu::exchangeBy(target, [value](T old) { return value < old ? value : old; });     \
  }                                                                                                   \
  inline T atomicMax(T* target, T value) {                                                            \
    return cuda_on_cpu::exchangeBy(target, [value](T old) { return value > old ? value : old; });     \
  }
CUDA_ON_CPU_ATOMICS(int)
CUDA_ON_CPU_ATOMICS(unsigned int)
CUDA_ON_CPU_ATOMICS(unsigned long long)
#undef CUDA_ON_CPU_ATOMICS

inline unsigned int atomicInc(unsigned int* target, unsigned int limit) {
  return cuda_on_cpu::exchangeBy(target, [limit](unsigned int old) { return old >= limit ? 0u : old + 1; });
}

// ---- Fences, waiting -------------------------------------------------------------------------------------------

inline void __threadfence() { cuda_on_cpu::fence(); }
inline void __threadfence_block() { cuda_on_cpu::fence(); }
inline void __threadfence_system() { cuda_on_cpu::fence(); }
inline void __nanosleep(unsigned int, CUDA_ON_CPU_PLACE) { cuda_on_cpu::sleep(file_, line_); }

// ---- Loads and stores with a cache hint ------------------------------------------------------------------------
// Those that bypass the first-level cache may poll what others update atomically; the rest are plain, so that races show.

template <class T>
T __ldg(const T* from) {
  return *from;
}
template <class T>
T __ldcs(const T* from) {
  return *from;
}
template <class T>
T __ldcg(const T* from) {
  return cuda_on_cpu::loadRelaxed(from);
}
template <class T>
T __ldcv(const T* from) {
  return cuda_on_cpu::loadRelaxed(from);
}
template <class T>
void __stcs(T* to, T value) {
  *to = value;
}
template <class T>
void __stcg(T* to, T value) {
  cuda_on_cpu::storeRelaxed(to, value);
}
template <class T>
void __stwt(T* to, T value) {
  cuda_on_cpu::storeRelaxed(to, value);
}
