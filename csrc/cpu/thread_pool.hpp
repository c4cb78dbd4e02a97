// Threads that share the chunks of one sweep. No result depends on them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>

#include "cpu/sharing.hpp"

namespace jumpout::cpu {

class ThreadPool {
 public:
  explicit ThreadPool(unsigned threads) : threads_(threads) {}
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned threads() const { return threads_; }

 private:
  struct Sweep {
    void (*body)(const void* context, size_t chunk);
    const void* context;
    size_t chunks;
  };
  class Crew;

 public:
  // One call: its sweeps are all shared or, where that does not pay, all done by this thread. A second caller meanwhile
  // gets no workers. Learns from the time between its beginning and its end.
  class Call {
   public:
    Call(ThreadPool& pool, const Kind& kind);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // Calls body(chunk) once for every chunk below `chunks`, on this thread and on workers that come in time. Returns when
    // all are done; waits for a chunk that a worker has begun, never for a worker that has not.
    template <class Body>
    void forEachChunk(size_t chunks, const Body& body) {
      if (shared_ && chunks > 1)
        return share({[](const void* context, size_t chunk) { (*static_cast<const Body*>(context))(chunk); },
                      &body, chunks});
      for (size_t chunk = 0; chunk < chunks; ++chunk) body(chunk);
    }

   private:
    void share(const Sweep& sweep);

    const size_t elements_;
    std::unique_lock<std::mutex> owner_;
    Crew* crew_ = nullptr;
    Experience* experience_ = nullptr;  // where this call is to be learnt from
    bool shared_ = false;
    std::chrono::steady_clock::time_point start_;
  };

 private:
  bool worthAsking(size_t elements) const;
  Crew* crew();

  const unsigned threads_;
  std::atomic<Crew*> crew_{nullptr};
};

}  // namespace jumpout::cpu
