#include "cuda/runtime/errors.hpp"

#include "core/failure.hpp"
#include "cuda/cuda_support.hpp"
#include "jumpout_cuda.h"

namespace jumpout::cuda {
namespace {

thread_local cudaError_t last_error = cudaSuccess;

}  // namespace

bool isSticky(cudaError_t error) noexcept {
  switch (static_cast<int>(error)) {  // by number: not every toolkit knows all of them
    case 46:                          // cudaErrorDevicesUnavailable
    case 214:                         // cudaErrorECCUncorrectable
    case 220:                         // cudaErrorNvlinkUncorrectable
    case 226:                         // cudaErrorContained
    case 700:                         // cudaErrorIllegalAddress
    case 702:                         // cudaErrorLaunchTimeout
    case 710:                         // cudaErrorAssert
    case 714:                         // cudaErrorHardwareStackError
    case 715:                         // cudaErrorIllegalInstruction
    case 716:                         // cudaErrorMisalignedAddress
    case 717:                         // cudaErrorInvalidAddressSpace
    case 718:                         // cudaErrorInvalidPc
    case 719:                         // cudaErrorLaunchFailure
    case 721:                         // cudaErrorTensorMemoryLeak
    case 806:                         // cudaErrorMpsRpcFailure
    case 810:                         // cudaErrorMpsClientTerminated
    case 999:                         // cudaErrorUnknown
      return true;
    default: return false;
  }
}

jumpout_status statusOf(cudaError_t error) noexcept {
  if (!failedQuietly(error)) return JUMPOUT_OK;
  last_error = error;
  return failing(JUMPOUT_CUDA_ERROR);
}

jumpout_status deviceOf(int32_t device, int32_t& number) noexcept {
  const Support found = support();
  if (found.status != JUMPOUT_OK) return failing(found.status);
  if (device < -1 || device >= found.devices) return failing(JUMPOUT_BAD_DEVICE, "device");
  number = device;
  if (device != -1) return JUMPOUT_OK;
  int current = 0;
  const cudaError_t error = cudaGetDevice(&current);
  number = current;
  return statusOf(error);
}

DeviceScope::DeviceScope(int32_t device) noexcept : status_(enter(device)) {}

jumpout_status DeviceScope::enter(int32_t device) noexcept {
  if (const jumpout_status status = deviceOf(device, device_)) return status;
  int current = 0;
  if (const cudaError_t error = cudaGetDevice(&current)) return statusOf(error);
  if (device_ != current) {
    if (const cudaError_t error = cudaSetDevice(device_)) return statusOf(error);
    previous_ = current;
  }
  relaxed_ = !failedQuietly(cudaThreadExchangeStreamCaptureMode(&mode_));
  return JUMPOUT_OK;
}

DeviceScope::~DeviceScope() {
  if (relaxed_) failedQuietly(cudaThreadExchangeStreamCaptureMode(&mode_));
  if (previous_ != -1) failedQuietly(cudaSetDevice(previous_));
}

}  // namespace jumpout::cuda

using namespace jumpout::cuda;

jumpout_cuda_error jumpout_last_cuda_error(void) {
  return {static_cast<int32_t>(last_error), cudaGetErrorName(last_error), cudaGetErrorString(last_error),
          isSticky(last_error)};
}
