// What the kernels are measured against: moving the same bytes, and nothing else, as fast as plain code can.
#pragma once

#include <cstddef>

namespace gpu_bench {

// 16-byte pieces; `bytes` is a multiple of 16, as every pointer is.
void copyPlainly(void* to, const void* from, size_t bytes, void* stream);

// Reads everything and keeps nothing: fills the second-level cache with clean lines of something else.
void readAll(const void* memory, size_t bytes, void* stream);

// x > 0 ? x : 0, and the gradient of it from the output; `bytes` as above.
void reluForward(void* to, const void* from, size_t bytes, bool wide, void* stream);
void reluBackward(void* to, const void* gradient, const void* output, size_t bytes, bool wide, void* stream);

// Between the two a profiler that was told to wait looks at kernels.
void beginProfile();
void endProfile();

}  // namespace gpu_bench
