// Asynchronous copies into shared memory. A copy happens as late as allowed, when its thread waits for it: until then the
// destination has its old contents.
#pragma once

#include <cstring>

#include "cuda_on_cpu/collectives.h"

namespace cuda_on_cpu {

struct AsyncCopy {
  void* to;
  const void* from;
  size_t bytes;
};
void beginCopy(const AsyncCopy& copy, const char* file, int line);
void commitCopies();
// The next copy of this thread in a group before the last `prior` ones, if there is any.
bool takeCopy(size_t prior, AsyncCopy& copy);

}  // namespace cuda_on_cpu

inline void __pipeline_memcpy_async(void* to, const void* from, size_t bytes, CUDA_ON_CPU_PLACE) {
  cuda_on_cpu::beginCopy({to, from, bytes}, file_, line_);
  std::memset(to, 0xFF, bytes);
}
inline void __pipeline_commit() { cuda_on_cpu::commitCopies(); }
inline void __pipeline_wait_prior(size_t prior) {
  for (cuda_on_cpu::AsyncCopy copy; cuda_on_cpu::takeCopy(prior, copy);)
    std::memcpy(copy.to, copy.from, copy.bytes);
}
