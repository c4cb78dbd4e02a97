// The one frame around checks and backend: nothing is thrown past it, a backend sees only arguments that passed, and
// computes with standard floating-point arithmetic whatever its caller has set.
#pragma once

#include <new>
#include <system_error>

#include "api/environment.hpp"
#include "core/failure.hpp"
#include "cpu/float_environment.hpp"

namespace jumpout {

template <class Args, class Run>
jumpout_status guarded(const Args* args, jumpout_status (*check)(const Args&), Run&& run) noexcept {
  const cpu::StandardFloats standard;
  try {
    if (!args) return failing(JUMPOUT_NULL_POINTER, "args");
    const Environment& env = environment();
    if (env.status != JUMPOUT_OK) return failing(env.status);
    if (const jumpout_status status = check(*args)) return status;
    return run(*env.cpu);
  } catch (const std::bad_alloc&) {
    return failing(JUMPOUT_OUT_OF_MEMORY);
  } catch (const std::system_error&) {
    return failing(JUMPOUT_OUT_OF_MEMORY);
  }
}

}  // namespace jumpout
