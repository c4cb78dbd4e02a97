// A value that the process makes once, at its first use, and never destroys. No lock: a child of fork() would inherit one
// that another thread held, and wait for ever. Threads that race for the first use make one each, and all use the first.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>

namespace jumpout {

template <class T, class Make>
const T& published(std::atomic<const T*>& place, const Make& make) {
  if (const T* known = place.load(std::memory_order_acquire)) return *known;
  auto mine = std::make_unique<const T>(make());
  const T* first = nullptr;
  if (place.compare_exchange_strong(first, mine.get(), std::memory_order_acq_rel)) return *mine.release();
  return *first;
}

// An array, all zeros; nullptr where memory runs out, and the next use tries again.
template <class T>
T* publishedArray(std::atomic<T*>& place, size_t count) noexcept {
  if (T* known = place.load(std::memory_order_acquire)) return known;
  std::unique_ptr<T[]> mine(new (std::nothrow) T[count]());
  T* first = nullptr;
  if (mine && place.compare_exchange_strong(first, mine.get(), std::memory_order_acq_rel))
    return mine.release();
  return first;
}

}  // namespace jumpout
