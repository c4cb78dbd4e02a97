#include "node/async.hpp"

#include <cstdint>
#include <exception>
#include <memory>

#include "node/arrays.hpp"
#include "node/calls.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

namespace {

template <typename Args>
struct Job {
  Args args;
  jumpout_status (*call)(const Args*);
  const char* arrays;
  jumpout_status status = JUMPOUT_OK;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  napi_ref arguments = nullptr;  // keeps the arrays alive
};

template <typename Args>
void execute(napi_env, void* data) {
  auto* job = static_cast<Job<Args>*>(data);
  job->status = job->call(&job->args);
}

// While a worker thread is being terminated the calls below fail, and nobody waits for the promise: nothing
// to report.
template <typename Args>
void settle(napi_env env, const Job<Args>& job) {
  if (job.status == JUMPOUT_OK) {
    napi_value nothing;
    if (napi_get_undefined(env, &nothing) == napi_ok) napi_resolve_deferred(env, job.deferred, nothing);
    return;
  }
  try {
    napi_reject_deferred(env, job.deferred, makeError(env, failureOf(job.status, job.arrays)));
  } catch (const std::exception&) {
  }
}

template <typename Args>
void complete(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Job<Args>> job(static_cast<Job<Args>*>(data));
  settle(env, *job);
  napi_delete_reference(env, job->arguments);
  napi_delete_async_work(env, job->work);
}

template <typename Args, size_t kArity>
napi_value start(napi_env env, const Arguments<kArity>& arguments, const Args& args,
                 jumpout_status (*call)(const Args*), const char* arrays) {
  // The descriptor's own row serves the next call too.
  if (isUndefined(env, arguments.values[kArity - 1])) throw wrongType("a Float64Array", "rows");
  auto job = std::make_unique<Job<Args>>(Job<Args>{args, call, arrays});
  napi_value kept, name, promise;
  check(napi_create_array_with_length(env, kArity, &kept));
  for (uint32_t i = 0; i < kArity; ++i) check(napi_set_element(env, kept, i, arguments.values[i]));
  check(napi_create_string_latin1(env, "jumpout", NAPI_AUTO_LENGTH, &name));
  check(napi_create_promise(env, &job->deferred, &promise));
  check(napi_create_reference(env, kept, 1, &job->arguments));
  check(napi_create_async_work(env, nullptr, name, execute<Args>, complete<Args>, job.get(), &job->work));
  check(napi_queue_async_work(env, job->work));
  job.release();
  return promise;
}

}  // namespace

napi_value forwardAsync(napi_env env, napi_callback_info info) {
  const Arguments<kForwardArity> arguments(env, info);
  return start(env, arguments, forwardArgs(env, arguments.values), jumpout_forward, kForwardArrays);
}

napi_value backwardAsync(napi_env env, napi_callback_info info) {
  const Arguments<kBackwardArity> arguments(env, info);
  return start(env, arguments, backwardArgs(env, arguments.values), jumpout_backward, kBackwardArrays);
}

}  // namespace jumpout::node
