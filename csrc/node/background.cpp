#include "node/background.hpp"

#include <atomic>
#include <exception>
#include <memory>
#include <new>
#include <utility>

namespace jumpout::node {

namespace {

struct Job {
  Turn turn;
  std::function<jumpout_status()> work;
  const ArgumentNames& names;
  Outcome outcome = {};
  napi_async_work handle = nullptr;
  napi_deferred deferred = nullptr;
  napi_ref kept = nullptr;
};

// An element of a typed array is no std::atomic, but has its size and alignment, and is only changed atomically.
static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t) &&
              alignof(std::atomic<int32_t>) == alignof(int32_t) && std::atomic<int32_t>::is_always_lock_free);

bool takeTurn(Turn turn) {
  constexpr int32_t kBegun = 1;
  int32_t waiting = 0;
  return turn == nullptr ||
         reinterpret_cast<std::atomic<int32_t>*>(turn)->compare_exchange_strong(waiting, kBegun);
}

void execute(napi_env, void* data) {
  auto* job = static_cast<Job*>(data);
  try {
    if (takeTurn(job->turn)) job->outcome = outcomeOf(job->work());
  } catch (const std::bad_alloc&) {
    job->outcome.status = JUMPOUT_OUT_OF_MEMORY;
  }
}

// Also where there is no memory left to say what failed.
napi_value errorOf(napi_env env, const Job& job) {
  napi_value values, receiver;
  check(napi_get_reference_value(env, job.kept, &values));
  check(napi_get_element(env, values, 0, &receiver));
  try {
    return makeError(env, receiver, failureOf(job.outcome, job.names));
  } catch (const std::bad_alloc&) {
    return makeOutOfMemory(env, receiver);
  }
}

// While a worker thread is being terminated, the calls below fail. There is nothing to report then, since no code waits for
// the promise.
void settle(napi_env env, const Job& job) {
  if (job.outcome.status == JUMPOUT_OK) {
    napi_value nothing;
    if (napi_get_undefined(env, &nothing) == napi_ok) napi_resolve_deferred(env, job.deferred, nothing);
    return;
  }
  try {
    napi_reject_deferred(env, job.deferred, errorOf(env, job));
  } catch (const std::exception&) {
  } catch (const PendingFailure&) {
  }
}

void complete(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  job->work = nullptr;
  settle(env, *job);
  napi_delete_reference(env, job->kept);
  napi_delete_async_work(env, job->handle);
}

}  // namespace

Turn turnOf(const Call& call, size_t index) {
  if (call.isUndefined(index)) return nullptr;
  const Array<int32_t> turn = call.array<int32_t>(index, "turn");
  if (turn.length != 1) throw failureOf(JUMPOUT_BAD_LENGTH, "turn");
  return turn.data;
}

napi_value inBackground(const Call& call, Turn turn, std::function<jumpout_status()> work,
                        const ArgumentNames& names) {
  const napi_env env = call.env;
  auto job = std::make_unique<Job>(Job{turn, std::move(work), names});
  napi_value values, name, promise;
  check(napi_create_array_with_length(env, 1 + call.count, &values));
  check(napi_set_element(env, values, 0, call.receiver));
  for (uint32_t i = 0; i < call.count; ++i) check(napi_set_element(env, values, 1 + i, call.values[i]));
  check(napi_create_string_latin1(env, "jumpout", NAPI_AUTO_LENGTH, &name));
  check(napi_create_promise(env, &job->deferred, &promise));
  check(napi_create_reference(env, values, 1, &job->kept));
  check(napi_create_async_work(env, nullptr, name, execute, complete, job.get(), &job->handle));
  check(napi_queue_async_work(env, job->handle));
  job.release();
  return promise;
}

}  // namespace jumpout::node
