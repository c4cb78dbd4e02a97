#include <cuda_runtime_api.h>

#include <string>

#include "cuda/cuda_support.hpp"

namespace jumpout::cuda {
namespace {

std::string whyNot() {
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error == cudaErrorInsufficientDriver)
    return "no NVIDIA driver, or one older than the CUDA runtime of this build";
  if (error == cudaErrorNoDevice || (error == cudaSuccess && devices == 0))
    return "no CUDA device on this machine";
  if (error != cudaSuccess)
    return std::string(cudaGetErrorName(error)) + " (" + std::to_string(error) +
           "): " + cudaGetErrorString(error);
  return std::to_string(devices) +
         " CUDA device(s) found, but this version of jumpout has no CUDA kernels yet";
}

}  // namespace

Support support() {
  static const std::string& reason = *new std::string(whyNot());
  return {true, false, reason.c_str()};
}

}  // namespace jumpout::cuda
