#include "api/call.hpp"
#include "core/raw_number.hpp"
#include "cuda/cuda_support.hpp"

using jumpout::caught;
using jumpout::environment;
using jumpout::failing;

namespace {

const char* whyNoCuda() {
  const char* reason = jumpout::cuda::support().reason;
  return reason ? reason : "CUDA is not available";
}

const char* complaint() noexcept {
  try {
    const std::string& found = environment().complaint;
    return found.empty() ? "JUMPOUT_CPU_ISA or JUMPOUT_NUM_THREADS cannot be used" : found.c_str();
  } catch (const std::bad_alloc&) {
    return "out of memory while the environment is read";
  }
}

}  // namespace

const char* jumpout_status_text(jumpout_status status) {
  switch (jumpout::rawNumber(status)) {
    case JUMPOUT_OK: return "success";
    case JUMPOUT_NULL_POINTER: return "an array that the call needs is missing";
    case JUMPOUT_BAD_LENGTH: return "lengths, groups and layout do not fit each other";
    case JUMPOUT_BAD_OPTION: return "a number is outside its range";
    case JUMPOUT_OVERLAP: return "arrays overlap in part";
    case JUMPOUT_MISALIGNED: return "a pointer is not aligned to its element type";
    case JUMPOUT_OUT_OF_MEMORY: return "out of memory";
    case JUMPOUT_BAD_ENVIRONMENT: return complaint();
    case JUMPOUT_NO_CUDA: return whyNoCuda();
    case JUMPOUT_CUDA_ERROR: return "a call of CUDA failed";
    case JUMPOUT_BAD_DEVICE: return "no such device, or memory or a stream of another one";
    case JUMPOUT_NOT_ON_DEVICE: return "a pointer is no memory of a CUDA device";
    case JUMPOUT_CAPTURING: return "the call would have to wait for a stream that is being captured";
  }
  return "unknown status";
}

const char* jumpout_status_field(void) { return jumpout::failed_field; }

jumpout_status jumpout_get_host(jumpout_host* host) {
  if (!host) return failing(JUMPOUT_NULL_POINTER, "host");
  return caught([&] {
    const jumpout::Environment& env = environment();
    if (env.status != JUMPOUT_OK) return failing(env.status);
    *host = {JUMPOUT_VERSION, env.cpu->isa().name, static_cast<int32_t>(env.cpu->threads())};
    return JUMPOUT_OK;
  });
}

jumpout_status jumpout_get_runtime(jumpout_runtime* runtime) {
  if (!runtime) return failing(JUMPOUT_NULL_POINTER, "runtime");
  jumpout_host host;
  if (const jumpout_status status = jumpout_get_host(&host)) return status;
  const jumpout::cuda::Support cuda = jumpout::cuda::support();
  if (cuda.status == JUMPOUT_OUT_OF_MEMORY) return failing(cuda.status);
  *runtime = {host.version, host.cpu_isa, host.cpu_threads, cuda.compiled, cuda.status == JUMPOUT_OK,
              cuda.reason};
  return JUMPOUT_OK;
}
