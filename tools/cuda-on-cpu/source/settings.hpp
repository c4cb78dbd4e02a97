// The environment variables: properties of the devices, and the order of threads.
//
//   CUDA_ON_CPU_DEVICES=2          how many devices
//   CUDA_ON_CPU_SMS=3              multiprocessors of each
//   CUDA_ON_CPU_SHARED=232448      shared memory that a block can opt in to, in bytes
//   CUDA_ON_CPU_ARCH=90            compute capability; clusters need 90; =90,80: of each device, the last one of all further
//   CUDA_ON_CPU_PTX=90             what the kernels' code was made for: as the device, or older
//   CUDA_ON_CPU_DRIVER=13000       CUDA version of the driver; before 12000 it is too old, and 0 is none
//   CUDA_ON_CPU_MEMORY=1073741824  memory of each, in bytes
//   CUDA_ON_CPU_COOPERATIVE=0      no cooperative launches; =refuse: the attribute promises them, a launch is refused
//   CUDA_ON_CPU_OVERLAPS=0         refuses launches that may begin before the kernel before them is done
//   CUDA_ON_CPU_POOLS=0            no memory pools
//   CUDA_ON_CPU_FAIL=NAME:N        the N-th call of this function finds the device lost (cudaErrorIllegalAddress)
//   CUDA_ON_CPU_REFUSE=NAME:N      the N-th call of this function does nothing (cudaErrorInvalidValue)
//   CUDA_ON_CPU_ORDER=forward      or reverse, or random:SEED; read at every launch
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cuda_on_cpu {

struct Order {
  enum Kind { kForward, kReverse, kRandom } kind = kForward;
  uint64_t seed = 1;
};

struct NthCall {
  std::string function;  // or empty
  uint64_t number = 0;
};

struct Settings {
  int devices;
  int multiprocessors;
  size_t sharedBytes;
  std::vector<int> architectures;
  int ptx;
  int driver;
  size_t memoryBytes;
  bool overlaps;
  bool pools;
  enum Cooperative { kOffered, kNone, kRefused } cooperative;
  NthCall failing, refused;

  int architecture(int device) const {
    return architectures[std::min(static_cast<size_t>(device), architectures.size() - 1)];
  }
};

// Read once. Ends the process with a message if a variable is invalid, since a test would prove nothing.
const Settings& settings();
Order orderOfNow();

}  // namespace cuda_on_cpu
