#include "node/background.hpp"

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <utility>

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

}  // namespace

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
