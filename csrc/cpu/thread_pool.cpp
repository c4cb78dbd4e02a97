#include "cpu/thread_pool.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "core/process.hpp"
#include "cpu/float_environment.hpp"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif
#if defined(_WIN32)
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#endif

namespace jumpout::cpu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kWorthWaiting = size_t{64} << 10;
constexpr size_t kWorthParked = size_t{128} << 10;

// Bridges the passes of one call, and is too short to matter as load.
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
  const auto deadline = Clock::now() + kWaitBeforeParking;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    for (int i = 0; i < 32; ++i) pause();
  }
  return true;
}

#if defined(_WIN32)
struct HostSignals {
  HostSignals() {}  // there are none
};
void prepareWorker() { SetThreadDescription(GetCurrentThread(), L"jumpout"); }
#else
// Signals for the host's threads: all but those that a thread raises by its own faults.
sigset_t hostSignals() {
  sigset_t signals;
  sigfillset(&signals);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&signals, fault);
  return signals;
}

// Blocked in the thread that starts workers, since these begin with its mask.
class HostSignals {
 public:
  HostSignals() {
    const sigset_t signals = hostSignals();
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~HostSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HostSignals(const HostSignals&) = delete;
  HostSignals& operator=(const HostSignals&) = delete;

 private:
  sigset_t before_;
};

void prepareWorker() {
  const sigset_t signals = hostSignals();
  pthread_sigmask(SIG_SETMASK, &signals, nullptr);
#if defined(__APPLE__)
  pthread_setname_np("jumpout");
#elif defined(__linux__)
  pthread_setname_np(pthread_self(), "jumpout");
#endif
}
#endif

// The kernels take up to 64 KiB of stack, and the process may give new threads less.
constexpr size_t kLeastStack = size_t{1} << 20;

// Whether a thread runs `body`, detached.
#if defined(_WIN32)
bool startThread(void* (*body)(void*), void* argument) {
  try {
    std::thread(body, argument).detach();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}
#else
bool startThread(void* (*body)(void*), void* argument) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  size_t stack = 0;
  pthread_attr_getstacksize(&attributes, &stack);
  if (stack < kLeastStack) pthread_attr_setstacksize(&attributes, kLeastStack);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, body, argument) == 0;
  pthread_attr_destroy(&attributes);
  return started;
}
#endif

// Moves a worker that wakes on the caller's processor to another one: the system may leave it there while other processors
// are hardly used. Its affinity stays as it was, unless somebody else changes it meanwhile.
#if defined(__linux__)
int currentProcessor() { return sched_getcpu(); }
void leaveProcessor(int processor) {
  cpu_set_t allowed, now;
  if (processor < 0 || processor != sched_getcpu() || sched_getaffinity(0, sizeof allowed, &allowed) != 0)
    return;
  cpu_set_t others = allowed;
  CPU_CLR(processor, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  if (sched_getaffinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&now, &others))
    sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
int currentProcessor() { return -1; }
void leaveProcessor(int) {}
#endif

}  // namespace

// The threads of one process. They are started by the first sweep that can use them, and never end: a crew is leaked on
// purpose, since a worker that outlives a static object, or is joined while the process exits, would crash or hang.
class ThreadPool::Crew {
 public:
  Crew(unsigned threads, Crew* parents) : parents(parents), threads_(threads) {}

  const long process = processId();
  // Of the process that forked this one. Never freed, since its state is unknown.
  Crew* const parents;
  std::mutex owner;  // held by the one call that may be shared
  Sharing sharing;   // the owner's

  bool isAwake() const { return waiting_.load(std::memory_order_relaxed) > 0; }

  void start();  // by the owner, before it shares

  void share(const Sweep& sweep) {
    bool sleepers;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      next_.store(0, std::memory_order_relaxed);
      sweep_ = &sweep;
      callers_processor_.store(currentProcessor(), std::memory_order_relaxed);
      sleepers = parked_ > 0;
      generation_.fetch_add(1, std::memory_order_release);
    }
    if (sleepers) wake_.notify_all();
    claimChunks(sweep);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      sweep_ = nullptr;  // from here on no worker joins
    }
    const auto finished = [this] { return joined_.load(std::memory_order_acquire) == 0; };
    if (waitAwake(finished)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, finished);
  }

 private:
  void claimChunks(const Sweep& sweep) {
    for (;;) {
      const size_t chunk = next_.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= sweep.chunks) return;
      sweep.body(sweep.context, chunk);
    }
  }

  static void* worker(void* crew) {
    static_cast<Crew*>(crew)->work();
    return nullptr;
  }

  void work() {
    prepareWorker();
    const StandardFloats standard;
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
      lock.unlock();
      leaveProcessor(callers_processor_.load(std::memory_order_relaxed));  // not joined yet
      lock.lock();
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

  const unsigned threads_;
  bool started_ = false;  // the owner's

  std::mutex mutex_;  // guards the members below
  std::condition_variable wake_;
  std::condition_variable done_;
  const Sweep* sweep_ = nullptr;
  unsigned parked_ = 0;

  std::atomic<unsigned> joined_{0};      // workers inside the sweep; grows under mutex_ only
  std::atomic<unsigned> generation_{0};  // counts sweeps, for workers that wait without sleeping
  std::atomic<unsigned> waiting_{0};     // workers that do
  std::atomic<size_t> next_{0};          // the next chunk to claim
  std::atomic<int> callers_processor_{-1};
};

// Fewer threads than asked for are no error: the chunks are claimed by those that exist.
void ThreadPool::Crew::start() {
  if (started_) return;
  started_ = true;
  const HostSignals blocked;
  for (unsigned i = 1; i < threads_; ++i)
    if (!startThread(worker, this)) return;
}

// A parked worker takes tens of microseconds to wake, a waiting one almost none. Below that, reading the clock costs too much.
bool ThreadPool::worthAsking(size_t elements) const {
  if (threads_ == 1 || elements < kWorthWaiting) return false;
  if (elements >= kWorthParked) return true;
  const Crew* const crew = crew_.load(std::memory_order_acquire);
  return crew && crew->isAwake();
}

// The crew of this process; nullptr without memory for one. A child of fork() has none of the threads of its parent's crew, and
// makes its own.
ThreadPool::Crew* ThreadPool::crew() {
  Crew* found = crew_.load(std::memory_order_acquire);
  while (!found || found->process != processId()) {
    std::unique_ptr<Crew> mine(new (std::nothrow) Crew(threads_, found));
    if (!mine) return nullptr;
    if (crew_.compare_exchange_strong(found, mine.get(), std::memory_order_acq_rel)) found = mine.release();
  }
  return found;
}

ThreadPool::Call::Call(ThreadPool& pool, const Kind& kind) : elements_(kind.elements) {
  if (!pool.worthAsking(elements_)) return;
  crew_ = pool.crew();
  if (!crew_) return;
  owner_ = std::unique_lock(crew_->owner, std::try_to_lock);
  if (!owner_.owns_lock()) return;
  experience_ = &crew_->sharing.of(kind);
  shared_ = experience_->share();
  if (shared_) crew_->start();
  start_ = Clock::now();
}

ThreadPool::Call::~Call() {
  if (!experience_) return;
  const std::chrono::duration<float, std::nano> took = Clock::now() - start_;
  experience_->add(took.count() / static_cast<float>(elements_));
}

void ThreadPool::Call::share(const Sweep& sweep) { crew_->share(sweep); }

}  // namespace jumpout::cpu
