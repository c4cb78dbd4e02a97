#include "node/cuda/reaper.hpp"

#include <new>
#include <utility>

namespace jumpout::node {

namespace {

// Whether everything that was enqueued on these streams is done; a lost device does nothing any more.
bool waitFor(const std::vector<StreamPointer>& streams) noexcept {
  bool done = true;
  for (const StreamPointer& stream : streams) {
    if (jumpout_cuda_stream_synchronize(stream->device, stream->handle) == JUMPOUT_CAPTURING) done = false;
  }
  return done;
}

}  // namespace

struct Reaper::Round {
  std::shared_ptr<Reaper> reaper;
  std::vector<Remains> remains;
  napi_async_work work = nullptr;
};

void Reaper::give(Release release, std::vector<StreamPointer> uses) noexcept {
  Remains remains{release, std::move(uses)};
  const bool here = std::this_thread::get_id() == thread_;
  if (here && remains.uses.empty()) return finish(remains);
  if (keep(remains, here)) return;
  waitFor(remains.uses);
  finish(remains);
}

// False after the end, and where there is no memory for the list.
bool Reaper::keep(Remains& remains, bool here) noexcept {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  try {
    waiting_.push_back(std::move(remains));
  } catch (const std::bad_alloc&) {
    return false;
  }
  if (here && !inRound_) startRound();
  return true;
}

// With the mutex held. Where it fails (an environment that ends), the next round or `close` takes care of what waits.
void Reaper::startRound() noexcept {
  std::unique_ptr<Round> round(new (std::nothrow) Round);
  napi_value name;
  if (round == nullptr || napi_create_string_latin1(env_, "jumpout", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(env_, nullptr, name, execute, complete, round.get(), &round->work) != napi_ok) {
    return;
  }
  round->reaper = shared_from_this();
  round->remains.swap(waiting_);
  if (napi_queue_async_work(env_, round->work) != napi_ok) {
    round->remains.swap(waiting_);
    napi_delete_async_work(env_, round->work);
    return;
  }
  inRound_ = inWait_ = true;
  round.release();
}

void Reaper::execute(napi_env, void* data) {
  auto* round = static_cast<Round*>(data);
  for (Remains& remains : round->remains) remains.done = waitFor(remains.uses);
  const std::lock_guard lock(round->reaper->mutex_);
  round->reaper->inWait_ = false;
  round->reaper->idle_.notify_all();
}

void Reaper::complete(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Round> round(static_cast<Round*>(data));
  napi_delete_async_work(env, round->work);
  round->reaper->endRound(round->remains);
  for (const Remains& remains : round->remains) {
    if (remains.done) round->reaper->finish(remains);
  }
}

// What is being captured waits for another occasion; what came meanwhile does not.
void Reaper::endRound(std::vector<Remains>& remains) noexcept {
  const std::lock_guard lock(mutex_);
  inRound_ = false;
  const bool more = !waiting_.empty();
  for (Remains& one : remains) {
    if (!one.done) waiting_.push_back(std::move(one));
  }
  if (more && !closed_) startRound();
}

void Reaper::settle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !inWait_; });
}

void Reaper::close() noexcept {
  std::vector<Remains> rest;
  {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !inWait_; });
    closed_ = true;
    rest.swap(waiting_);
  }
  for (const Remains& remains : rest) {
    waitFor(remains.uses);
    finish(remains);
  }
  gone_ = true;
}

void Reaper::finish(const Remains& remains) noexcept {
  // References belong to JavaScript's thread, and are gone with their environment.
  const bool possible = std::this_thread::get_id() == thread_ && !gone_;
  if (remains.release.owner != nullptr && possible) napi_delete_reference(env_, remains.release.owner);
  if (remains.release.function != nullptr) remains.release.function(remains.release.context);
}

}  // namespace jumpout::node
