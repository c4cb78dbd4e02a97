// Threads that share the chunks of one sweep. No result depends on them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace jumpout::cpu {

class ThreadPool {
 public:
  // Threads are started by the first sweep that can use them, and never end: the pool is leaked on purpose, since a worker
  // that outlives a static object, or is joined while the process exits, would crash or hang.
  explicit ThreadPool(unsigned threads) : threads_(threads) {}

  unsigned threads() const { return threads_; }

  // Whether `elements` are worth sharing now: waking a parked worker costs tens of microseconds, a waiting one almost none.
  bool worthSharing(size_t elements) const;

  // Calls body(chunk) once for every chunk below `chunks`, on this thread and on workers that come in time. Returns when
  // all are done; waits for a chunk that a worker has begun, never for a worker that has not. A second caller meanwhile
  // gets no workers and does its chunks alone.
  template <class Body>
  void forEachChunk(size_t chunks, const Body& body) {
    run({[](const void* context, size_t chunk) { (*static_cast<const Body*>(context))(chunk); }, &body,
         chunks});
  }

 private:
  struct Sweep {
    void (*body)(const void* context, size_t chunk);
    const void* context;
    size_t chunks;
  };

  void run(const Sweep& sweep);
  void claimChunks(const Sweep& sweep);
  void startWorkers();
  void work();

  const unsigned threads_;
  std::mutex owner_;  // held by the one caller whose sweep is shared

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::condition_variable done_;
  const Sweep* sweep_ = nullptr;
  unsigned parked_ = 0;
  bool started_ = false;

  std::atomic<unsigned> joined_{0};      // workers inside the sweep; grows under mutex_ only
  std::atomic<unsigned> generation_{0};  // counts sweeps, for workers that wait without sleeping
  std::atomic<unsigned> waiting_{0};     // workers that do
  std::atomic<size_t> next_{0};          // the next chunk to claim
};

}  // namespace jumpout::cpu
