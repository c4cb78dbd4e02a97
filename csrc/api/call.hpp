// Checks the arguments of a call, then passes it to a backend. No exception leaves it. Backends run in the standard
// floating-point environment, whatever the caller has set.
#pragma once

#include <new>
#include <system_error>

#include "api/environment.hpp"
#include "api/spans.hpp"
#include "core/failure.hpp"
#include "cpu/float_environment.hpp"

namespace jumpout {

// `Args` is a struct that spansOf lists. Reads none of its arrays except the rows of groups on the host.
template <class Args>
jumpout_status check(const Args& args);

// Runs what may lack memory, or threads.
template <class Run>
jumpout_status caught(Run&& run) noexcept {
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
    if (const auto status = check(*args)) return status;
    return run(*env.cpu);
  });
}

}  // namespace jumpout
