#include "node/cuda/reaper.hpp"

#include <new>
#include <utility>

#include "node/errors.hpp"

namespace jumpout::node {

namespace {

// False where a stream is being captured, so that its work is not done. A lost device has no work left.
bool waitFor(const std::vector<StreamPointer>& streams) noexcept {
  bool done = true;
  for (const StreamPointer& stream : streams) done &= stream->synchronize() != JUMPOUT_CAPTURING;
  return done;
}

}  // namespace

struct Reaper::Round {
  std::shared_ptr<Reaper> reaper;
  std::list<Remains> remains;
  napi_async_work work = nullptr;
};

void Reaper::give(Owner owner, std::vector<StreamPointer> uses) noexcept {
  Remains remains{std::move(owner), std::move(uses)};
  const bool here = onJavaScriptThread();
  if (here && remains.uses.empty()) return;
  if (!keep(remains, here)) waitFor(remains.uses);
}

// References belong to the JavaScript thread and end with their environment.
Owner Reaper::ownerOf(napi_value object) {
  napi_ref reference;
  check(napi_create_reference(env_, object, 1, &reference));
  return {reference, [self = shared_from_this()](napi_ref owner) {
            if (self->onJavaScriptThread() && !self->gone_) napi_delete_reference(self->env_, owner);
          }};
}

// False after `close`, and where there is no memory for the list.
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

// With the mutex held. If it fails (an environment that ends), the next round or `close` takes the waiting memory.
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
  inRound_ = true;
  queued_ = round.release();
}

void Reaper::execute(napi_env, void* data) {
  auto* round = static_cast<Round*>(data);
  Reaper& reaper = *round->reaper;
  {
    const std::lock_guard lock(reaper.mutex_);
    reaper.queued_ = nullptr;
    reaper.inWait_ = true;
  }
  for (Remains& remains : round->remains) remains.done = waitFor(remains.uses);
  const std::lock_guard lock(reaper.mutex_);
  reaper.inWait_ = false;
  reaper.idle_.notify_all();
}

void Reaper::complete(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Round> round(static_cast<Round*>(data));
  napi_delete_async_work(env, round->work);
  round->reaper->endRound(round->remains);
}

// Starts another round only if `give` was called meanwhile; memory of streams that are being captured waits for that round.
void Reaper::endRound(std::list<Remains>& remains) noexcept {
  const std::lock_guard lock(mutex_);
  inRound_ = false;
  const bool more = !waiting_.empty();
  remains.remove_if([](const Remains& one) { return one.done; });
  waiting_.splice(waiting_.end(), remains);
  if (more && !closed_) startRound();
}

void Reaper::settle() noexcept {
  std::unique_lock lock(mutex_);
  settle(lock);
}

void Reaper::settle(std::unique_lock<std::mutex>& lock) noexcept {
  if (queued_ != nullptr) waiting_.splice(waiting_.end(), queued_->remains);
  idle_.wait(lock, [this] { return !inWait_; });
}

void Reaper::close() noexcept {
  std::list<Remains> rest;
  {
    std::unique_lock lock(mutex_);
    settle(lock);
    closed_ = true;
    rest.swap(waiting_);
  }
  for (const Remains& remains : rest) waitFor(remains.uses);
  rest.clear();
  gone_ = true;
}

}  // namespace jumpout::node
