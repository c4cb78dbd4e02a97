#pragma once

#include <cstddef>

/* Baselines for the kernels. Arrays are 64-byte aligned and do not overlap. */

/* Copies with stores that go past the caches; as wide as this machine allows. */
void copyStreaming(const float* input, float* output, size_t length);

/* Elements > 0, by the loop that a compiler vectorises. */
size_t countPlainly(const float* input, size_t length);
