#include "node/background.hpp"

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <utility>

#include "node/arrays.hpp"

namespace jumpout::node {

namespace {

struct Job {
  std::function<Outcome()> work;
  std::function<void()> after;
  const ArgumentNames& names;
  Outcome outcome = {};
  napi_async_work handle = nullptr;
  napi_deferred deferred = nullptr;
  napi_ref kept = nullptr;
};

void execute(napi_env, void* data) {
  auto* job = static_cast<Job*>(data);
  try {
    job->outcome = job->work();
  } catch (const std::bad_alloc&) {
    job->outcome.status = JUMPOUT_OUT_OF_MEMORY;
  }
}

// While a worker thread is being terminated the calls below fail, and nobody waits for the promise: nothing
// to report.
void settle(napi_env env, const Job& job) {
  if (job.outcome.status == JUMPOUT_OK) {
    napi_value nothing;
    if (napi_get_undefined(env, &nothing) == napi_ok) napi_resolve_deferred(env, job.deferred, nothing);
    return;
  }
  try {
    napi_value values, receiver;
    check(napi_get_reference_value(env, job.kept, &values));
    check(napi_get_element(env, values, 0, &receiver));
    napi_reject_deferred(env, job.deferred, makeError(env, receiver, failureOf(job.outcome, job.names)));
  } catch (const std::exception&) {
  } catch (const PendingFailure&) {
  }
}

void complete(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  if (job->after) job->after();
  settle(env, *job);
  napi_delete_reference(env, job->kept);
  napi_delete_async_work(env, job->handle);
}

// An element of a typed array is no std::atomic, but has its size and alignment, and is only changed atomically.
static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t) &&
              alignof(std::atomic<int32_t>) == alignof(int32_t) && std::atomic<int32_t>::is_always_lock_free);

bool begin(Turn turn) {
  constexpr int32_t kBegun = 1;
  int32_t waiting = 0;
  return turn == nullptr ||
         reinterpret_cast<std::atomic<int32_t>*>(turn)->compare_exchange_strong(waiting, kBegun);
}

}  // namespace

Turn turnOf(napi_env env, napi_value value) {
  if (isUndefined(env, value)) return nullptr;
  const Array<int32_t> turn = integersOf(env, value, "turn");
  if (turn.length != 1) throw failureOf(JUMPOUT_BAD_LENGTH, "turn");
  return turn.data;
}

Outcome inTurn(Turn turn, const std::function<Outcome()>& work) { return begin(turn) ? work() : Outcome{}; }

napi_value inBackground(napi_env env, napi_callback_info info, std::function<Outcome()> work,
                        std::function<void()> after, std::initializer_list<napi_value> kept,
                        const ArgumentNames& names) {
  auto job = std::make_unique<Job>(Job{std::move(work), std::move(after), names});
  napi_value values, name, promise;
  check(napi_create_array_with_length(env, 1 + kept.size(), &values));
  check(napi_set_element(env, values, 0, receiverOf(env, info)));
  uint32_t index = 1;
  for (const napi_value value : kept) check(napi_set_element(env, values, index++, value));
  check(napi_create_string_latin1(env, "jumpout", NAPI_AUTO_LENGTH, &name));
  check(napi_create_promise(env, &job->deferred, &promise));
  check(napi_create_reference(env, values, 1, &job->kept));
  check(napi_create_async_work(env, nullptr, name, execute, complete, job.get(), &job->handle));
  check(napi_queue_async_work(env, job->handle));
  job.release();
  return promise;
}

}  // namespace jumpout::node
