// Which argument the last failing call of a thread was about, for jumpout_status_field.
#pragma once

#include "jumpout.h"

namespace jumpout {

inline thread_local const char* failed_field = "";

// `field` is a literal: the name in the C API, "options.sigma" for a member of a member, "" where no argument is to blame.
inline jumpout_status failing(jumpout_status status, const char* field = "") noexcept {
  failed_field = field;
  return status;
}

}  // namespace jumpout
