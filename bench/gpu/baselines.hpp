// Baselines for the kernels: plain code that moves the same bytes and computes nothing else.
#pragma once

#include <cstddef>

namespace gpu_bench {

// 16-byte pieces; `bytes` is a multiple of 16, as every pointer is.
void copyPlainly(void* to, const void* from, size_t bytes, void* stream);

// Reads all of `memory`, which fills the second-level cache with clean lines.
void readAll(const void* memory, size_t bytes, void* stream);

// x > 0 ? x : 0, and the gradient of it from the output; `bytes` as above.
void reluForward(void* to, const void* from, size_t bytes, bool wide, void* stream);
void reluBackward(void* to, const void* gradient, const void* output, size_t bytes, bool wide, void* stream);

// Mark the kernels that a profiler is to record.
void beginProfile();
void endProfile();

}  // namespace gpu_bench
