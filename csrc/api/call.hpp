// How every call is made: its arguments are checked, then it is passed on. Nothing is thrown past here, a backend sees only
// arguments that passed, and computes with standard floating-point arithmetic whatever its caller has set.
#pragma once

#include <new>
#include <system_error>

#include "api/environment.hpp"
#include "api/spans.hpp"
#include "core/failure.hpp"
#include "cpu/float_environment.hpp"

namespace jumpout {

// Of the arguments of one call: those that have spans. Reads no more of their memory than counts and rates on the host.
template <class Args>
jumpout_status check(const Args& args);

template <class Args, class Run>
jumpout_status call(const Args* args, Run&& run) noexcept {
  const cpu::StandardFloats standard;
  try {
    if (!args) return failing(JUMPOUT_NULL_POINTER, "args");
    const Environment& env = environment();
    if (env.status != JUMPOUT_OK) return failing(env.status);
    if (const auto status = check(*args)) return status;
    return run(*env.cpu);
  } catch (const std::bad_alloc&) {
    return failing(JUMPOUT_OUT_OF_MEMORY);
  } catch (const std::system_error&) {
    return failing(JUMPOUT_OUT_OF_MEMORY);
  }
}

}  // namespace jumpout
