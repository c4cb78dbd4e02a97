// Gives memory of others back once the work on it is done, without waiting in JavaScript's thread: one job at a time on
// Node's thread pool waits for the streams concerned.
#pragma once

#include <node_api.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "node/cuda/stream.hpp"

namespace jumpout::node {

// Whom to tell. Either may be empty.
struct Release {
  napi_ref owner = nullptr;           // a JavaScript object, held until then
  void (*function)(void*) = nullptr;  // callable from any thread
  void* context = nullptr;
};

class Reaper : public std::enable_shared_from_this<Reaper> {
 public:
  explicit Reaper(napi_env env) : env_(env), thread_(std::this_thread::get_id()) {}

  // From any thread; what comes from another than JavaScript's waits for the next that comes from there.
  void give(Release release, std::vector<StreamPointer> uses) noexcept;
  // Blocks until no thread waits for a stream: a capture must not begin on one that is being waited for.
  void settle();
  // The environment ends: waits for everything, and from now on for each at once.
  void close() noexcept;

 private:
  struct Remains {
    Release release;
    std::vector<StreamPointer> uses;
    bool done = false;
  };
  struct Round;

  static void execute(napi_env env, void* data);
  static void complete(napi_env env, napi_status status, void* data);
  bool keep(Remains& remains, bool here) noexcept;
  void startRound() noexcept;
  void endRound(std::vector<Remains>& remains) noexcept;
  void finish(const Remains& remains) noexcept;

  napi_env env_;
  std::thread::id thread_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<Remains> waiting_;
  bool inRound_ = false;  // from the start of a round to its completion
  bool inWait_ = false;   // while its thread waits
  bool closed_ = false;
  std::atomic<bool> gone_{false};
};

}  // namespace jumpout::node
