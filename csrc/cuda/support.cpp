#include <cuda_runtime_api.h>

#include <string>
#include <utility>

#include "core/process.hpp"
#include "core/published.hpp"
#include "cuda/cuda_support.hpp"
#include "cuda/errors.hpp"

namespace jumpout::cuda {
namespace {

constexpr int kLeastMajor = 7, kLeastMinor = 5;

std::string versionOf(int cuda) {
  return std::to_string(cuda / 1000) + "." + std::to_string(cuda % 1000 / 10);
}

std::string whyTheDriver() {
  int driver = 0, runtime = 0;
  if (failedQuietly(cudaDriverGetVersion(&driver)) || driver == 0) return "no NVIDIA driver on this machine";
  failedQuietly(cudaRuntimeGetVersion(&runtime));
  return "the NVIDIA driver of this machine is made for CUDA " + versionOf(driver) +
         ", too old for the CUDA " + versionOf(runtime) + " of this build";
}

std::string whyTheDevices(int devices) {
  std::string found;
  for (int device = 0; device < devices; ++device) {
    int major = 0, minor = 0;
    if (failedQuietly(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device)) ||
        failedQuietly(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device)))
      continue;
    if (major > kLeastMajor || (major == kLeastMajor && minor >= kLeastMinor)) return "";
    found += (found.empty() ? "" : ", ") + std::to_string(major) + "." + std::to_string(minor);
  }
  return "no CUDA device of compute capability 7.5 or later, only of " +
         (found.empty() ? "an unknown one" : found);
}

// Empty where nothing speaks against it.
std::string whyNot(int& devices) {
  const cudaError_t error = cudaGetDeviceCount(&devices);
  cudaGetLastError();
  if (error == cudaErrorInsufficientDriver) return whyTheDriver();
  if (error == cudaErrorNoDevice || (error == cudaSuccess && devices == 0))
    return "no CUDA device on this machine";
  if (error != cudaSuccess)
    return std::string(cudaGetErrorName(error)) + " (" + std::to_string(error) +
           "): " + cudaGetErrorString(error);
  return whyTheDevices(devices);
}

struct Answer {
  long process;  // that asked
  std::string reason;
  int devices;
};

Answer ask() {
  int devices = 0;
  std::string reason = whyNot(devices);
  return {processId(), std::move(reason), devices};
}

}  // namespace

Support support() noexcept {
  static std::atomic<const Answer*> asked{nullptr};
  const Answer& answer = published(asked, ask);
  if (!answer.reason.empty()) return {true, false, answer.reason.c_str(), 0};
  if (answer.process != processId())
    return {true, false, "CUDA cannot be used after fork(): the parent process has initialised it", 0};
  return {true, true, nullptr, answer.devices};
}

}  // namespace jumpout::cuda
