#include "cpu/thread_pool.hpp"

#include <chrono>
#include <system_error>
#include <thread>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace jumpout::cpu {
namespace {

constexpr size_t kWorthWaiting = size_t{64} << 10;
constexpr size_t kWorthParked = size_t{512} << 10;

// Long enough to bridge the passes of one call, short enough not to be felt as load.
constexpr auto kWaitBeforeParking = std::chrono::microseconds(50);

void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
  asm volatile("yield");
#else
  std::this_thread::yield();
#endif
}

// Whether `condition` came true before it was time to sleep.
template <class Condition>
bool waitAwake(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kWaitBeforeParking;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    for (int i = 0; i < 32; ++i) pause();
  }
  return true;
}

}  // namespace

bool ThreadPool::worthSharing(size_t elements) const {
  if (threads_ == 1) return false;
  return elements >= kWorthParked ||
         (elements >= kWorthWaiting && waiting_.load(std::memory_order_relaxed) > 0);
}

void ThreadPool::run(const Sweep& sweep) {
  std::unique_lock<std::mutex> owner(owner_, std::try_to_lock);
  if (!owner.owns_lock() || threads_ == 1) {
    for (size_t chunk = 0; chunk < sweep.chunks; ++chunk) sweep.body(sweep.context, chunk);
    return;
  }
  bool sleepers;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!started_) startWorkers();
    next_.store(0, std::memory_order_relaxed);
    sweep_ = &sweep;
    sleepers = parked_ > 0;
    generation_.fetch_add(1, std::memory_order_release);
  }
  if (sleepers) wake_.notify_all();
  claimChunks(sweep);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    sweep_ = nullptr;  // from here on nobody joins
  }
  const auto finished = [this] { return joined_.load(std::memory_order_acquire) == 0; };
  if (waitAwake(finished)) return;
  std::unique_lock<std::mutex> lock(mutex_);
  done_.wait(lock, finished);
}

void ThreadPool::claimChunks(const Sweep& sweep) {
  for (;;) {
    const size_t chunk = next_.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= sweep.chunks) return;
    sweep.body(sweep.context, chunk);
  }
}

// Fewer threads than asked for are no error: the chunks are claimed by those that exist.
void ThreadPool::startWorkers() {
  started_ = true;
  try {
    for (unsigned i = 1; i < threads_; ++i) std::thread([this] { work(); }).detach();
  } catch (const std::system_error&) {
  }
}

void ThreadPool::work() {
  unsigned seen = 0;
  for (;;) {
    const auto called = [&] { return generation_.load(std::memory_order_acquire) != seen; };
    waiting_.fetch_add(1, std::memory_order_relaxed);
    waitAwake(called);
    waiting_.fetch_sub(1, std::memory_order_relaxed);

    std::unique_lock<std::mutex> lock(mutex_);
    ++parked_;
    wake_.wait(lock, called);
    --parked_;
    seen = generation_.load(std::memory_order_relaxed);
    if (!sweep_) continue;
    const Sweep& sweep = *sweep_;
    joined_.fetch_add(1, std::memory_order_relaxed);
    lock.unlock();
    claimChunks(sweep);
    if (joined_.fetch_sub(1, std::memory_order_acq_rel) > 1) continue;
    lock.lock();
    done_.notify_one();
  }
}

}  // namespace jumpout::cpu
