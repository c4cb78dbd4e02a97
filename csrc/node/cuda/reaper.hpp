// Gives memory of other libraries back once the work on it is done. The JavaScript thread does not wait: one job at a time
// on Node's thread pool waits for the streams.
#pragma once

#include <node_api.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "node/cuda/stream.hpp"

namespace jumpout::node {

// Keeps memory of another library alive; its deleter gives the memory back, on any thread.
using Owner = std::shared_ptr<void>;

class Reaper : public std::enable_shared_from_this<Reaper> {
 public:
  explicit Reaper(napi_env env) : env_(env), thread_(std::this_thread::get_id()) {}

  // From any thread. Releases from other threads are queued until the JavaScript thread next calls this.
  void give(Owner owner, std::vector<StreamPointer> uses) noexcept;
  // Keeps a JavaScript object alive, at most as long as the environment.
  Owner ownerOf(napi_value object);
  // Blocks until no thread waits for a stream, since a capture must not begin on such a stream. A round that no thread has
  // begun is called off: Node's thread pool may be busy for as long as it likes.
  void settle() noexcept;
  // When the environment ends: waits for the work on all memory. From then on, `give` waits too.
  void close() noexcept;

 private:
  struct Remains {
    Owner owner;
    std::vector<StreamPointer> uses;
    bool done = false;
  };
  struct Round;

  bool onJavaScriptThread() const { return std::this_thread::get_id() == thread_; }
  static void execute(napi_env env, void* data);
  static void complete(napi_env env, napi_status status, void* data);
  bool keep(Remains& remains, bool here) noexcept;
  void startRound() noexcept;
  void settle(std::unique_lock<std::mutex>& lock) noexcept;
  void endRound(std::list<Remains>& remains) noexcept;

  napi_env env_;
  std::thread::id thread_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::list<Remains> waiting_;
  bool inRound_ = false;     // from the start of a round to its completion
  Round* queued_ = nullptr;  // the round, until its thread begins
  bool inWait_ = false;      // while its thread waits
  bool closed_ = false;
  std::atomic<bool> gone_{false};
};

}  // namespace jumpout::node
