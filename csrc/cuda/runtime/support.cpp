// Asks the driver, once per process, what can run here.
#include <cuda_runtime_api.h>

#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/device_code.hpp"
#include "core/process.hpp"
#include "core/published.hpp"
#include "cuda/cuda_support.hpp"
#include "cuda/runtime/errors.hpp"

namespace jumpout::cuda {
namespace {

std::string versionOf(int cuda) {
  return std::to_string(cuda / 1000) + "." + std::to_string(cuda % 1000 / 10);
}

// The first branch of drivers for a major version of CUDA, whose minor versions all run on it.
constexpr int oldestDriver(int cuda) { return cuda >= 13000 ? 580 : 525; }

std::string whyTheDriver() {
  int driver = 0, runtime = 0;
  if (failedQuietly(cudaDriverGetVersion(&driver)) || driver == 0) return "no NVIDIA driver on this machine";
  failedQuietly(cudaRuntimeGetVersion(&runtime));
  return "the NVIDIA driver of this machine is made for CUDA " + versionOf(driver) +
         ", too old for the CUDA " + versionOf(runtime) + " of this build, which needs driver R" +
         std::to_string(oldestDriver(runtime)) + " or newer";
}

Capability capabilityOf(int device) {
  Capability found{};
  if (failedQuietly(cudaDeviceGetAttribute(&found.major, cudaDevAttrComputeCapabilityMajor, device)) ||
      failedQuietly(cudaDeviceGetAttribute(&found.minor, cudaDevAttrComputeCapabilityMinor, device)))
    return {};
  return found;
}

struct Answer {
  long process;  // that asked
  std::string reason;
  int devices = 0;  // where one can be used
};

Answer ask() {
  const long process = processId();
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  cudaGetLastError();
  if (error == cudaErrorInsufficientDriver) return {process, whyTheDriver()};
  if (error == cudaErrorNoDevice || (error == cudaSuccess && devices == 0))
    return {process, "no CUDA device on this machine"};
  if (error != cudaSuccess)
    return {process, std::string(cudaGetErrorName(error)) + " (" + std::to_string(error) +
                         "): " + cudaGetErrorString(error)};
  std::vector<Capability> capabilities;
  for (int device = 0; device < devices; ++device) capabilities.push_back(capabilityOf(device));
  auto [any, reason] = runnable(JUMPOUT_CUDA_CODE, capabilities);
  return {process, std::move(reason), any ? devices : 0};
}

}  // namespace

Support support() noexcept try {
  static std::atomic<const Answer*> asked{nullptr};
  const Answer& answer = published(asked, ask);
  const char* const reason = answer.reason.empty() ? nullptr : answer.reason.c_str();
  if (answer.devices == 0) return {true, JUMPOUT_NO_CUDA, reason, 0};
  if (answer.process != processId())
    return {true, JUMPOUT_NO_CUDA, "CUDA cannot be used after fork(): the parent process has initialised it",
            0};
  return {true, JUMPOUT_OK, reason, answer.devices};
} catch (const std::bad_alloc&) {
  return {true, JUMPOUT_OUT_OF_MEMORY, "out of memory while the CUDA driver is asked", 0};
}

}  // namespace jumpout::cuda
