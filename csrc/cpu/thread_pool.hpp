// Threads that share the chunks of one sweep. No result depends on them.
#pragma once

#include <atomic>
#include <cstddef>

#include "cpu/sharing.hpp"

namespace jumpout::cpu {

class ThreadPool {
 public:
  explicit ThreadPool(unsigned threads) : threads_(threads) {}
  ~ThreadPool();  // of a pool that has shared nothing: threads never end (thread_pool.cpp)
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned threads() const { return threads_; }

  // Calls body(chunk) once for every chunk below `chunks`, on this thread and, where it pays, on workers that come in time.
  // Returns when all are done; waits for a chunk that a worker has begun, never for a worker that has not. A second caller
  // meanwhile gets no workers and does its chunks alone.
  template <class Body>
  void forEachChunk(const Kind& kind, size_t chunks, const Body& body) {
    if (chunks > 1 && worthAsking(kind.elements))
      return run(kind,
                 {[](const void* context, size_t chunk) { (*static_cast<const Body*>(context))(chunk); },
                  &body, chunks});
    for (size_t chunk = 0; chunk < chunks; ++chunk) body(chunk);
  }

 private:
  struct Sweep {
    void (*body)(const void* context, size_t chunk);
    const void* context;
    size_t chunks;
  };
  class Crew;

  bool worthAsking(size_t elements) const;
  void run(const Kind& kind, const Sweep& sweep);
  Crew& crew();

  const unsigned threads_;
  std::atomic<Crew*> crew_{nullptr};
};

}  // namespace jumpout::cpu
