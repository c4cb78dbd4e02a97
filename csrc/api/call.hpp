// Checks the arguments of a call, then passes them to a backend. No exception leaves it. Backends run in the standard
// floating-point environment, whatever the caller has set.
#pragma once

#include <new>
#include <system_error>

#if !defined(_WIN32)
#include <pthread.h>
#endif

#include "api/environment.hpp"
#include "api/spans.hpp"
#include "core/failure.hpp"
#include "cpu/float_environment.hpp"

namespace jumpout {

// `Args` is a struct that spansOf lists. Reads none of its arrays except the rows of groups on the host.
template <class Args>
jumpout_status check(const Args& args);

// While it lives, pthread_cancel waits: the unwinding would meet functions that throw nothing, and end the process.
class Uncancelled {
 public:
  Uncancelled(const Uncancelled&) = delete;
#if defined(_WIN32)
  Uncancelled() = default;
#else
  Uncancelled() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~Uncancelled() { pthread_setcancelstate(before_, nullptr); }

 private:
  int before_;
#endif
};

// Runs what may lack memory, or threads.
template <class Run>
jumpout_status caught(Run&& run) noexcept {
  const Uncancelled uncancelled;
  try {
    return run();
  } catch (const std::bad_alloc&) {
    return failing(JUMPOUT_OUT_OF_MEMORY);
  } catch (const std::system_error&) {
    return failing(JUMPOUT_OUT_OF_MEMORY);
  }
}

template <class Args, class Run>
jumpout_status call(const Args* args, Run&& run) noexcept {
  const cpu::StandardFloats standard;
  return caught([&] {
    if (!args) return failing(JUMPOUT_NULL_POINTER, "args");
    const Environment& env = environment();
    if (env.status != JUMPOUT_OK) return failing(env.status);
    const Args own = *args;  // which may lie in an array that the call writes
    if (const auto status = check(own)) return status;
    return run(own, *env.cpu);
  });
}

}  // namespace jumpout
