#include "cuda/cuda_support.hpp"
#include "dispatch/environment.hpp"

using jumpout::environment;

const char* jumpout_status_text(jumpout_status status) {
  switch (status) {
    case JUMPOUT_OK: return "success";
    case JUMPOUT_NULL_POINTER: return "an array that the call needs is missing";
    case JUMPOUT_BAD_LENGTH: return "lengths, groups and layout do not fit each other";
    case JUMPOUT_BAD_OPTION: return "a number is outside its range";
    case JUMPOUT_OVERLAP: return "arrays overlap in part";
    case JUMPOUT_MISALIGNED: return "a pointer is not aligned to its element type";
    case JUMPOUT_OUT_OF_MEMORY: return "out of memory";
    case JUMPOUT_BAD_ENVIRONMENT: return environment().complaint.c_str();
  }
  return "unknown status";
}

jumpout_status jumpout_get_runtime(jumpout_runtime* runtime) {
  if (!runtime) return JUMPOUT_NULL_POINTER;
  const jumpout::Environment& env = environment();
  if (env.status != JUMPOUT_OK) return env.status;
  const jumpout::cuda::Support cuda = jumpout::cuda::support();
  *runtime = {JUMPOUT_VERSION, env.cpu->isa().name, static_cast<int32_t>(env.cpu->threads()),
              cuda.compiled,   cuda.available,      cuda.reason};
  return JUMPOUT_OK;
}
