#include "baselines.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__AVX__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
struct Line {
  __m512 a;
  static Line load(const float* from) { return {_mm512_load_ps(from)}; }
  void stream(float* to) const { _mm512_stream_ps(to, a); }
};
#elif defined(__AVX__)
struct Line {
  __m256 a, b;
  static Line load(const float* from) { return {_mm256_load_ps(from), _mm256_load_ps(from + 8)}; }
  void stream(float* to) const {
    _mm256_stream_ps(to, a);
    _mm256_stream_ps(to + 8, b);
  }
};
#endif

}  // namespace

#if defined(__AVX__) || defined(__AVX512F__)
void copyStreaming(const float* input, float* output, size_t length) {
  constexpr size_t floatsPerLine = 16;
  constexpr size_t ahead = 1024;  // 4 KiB
  size_t i = 0;
  for (; i + 4 * floatsPerLine <= length; i += 4 * floatsPerLine) {
    for (size_t k = 0; k < 4; ++k)
      _mm_prefetch(reinterpret_cast<const char*>(input + i + ahead + k * floatsPerLine), _MM_HINT_T0);
    const Line lines[] = {Line::load(input + i), Line::load(input + i + floatsPerLine),
                          Line::load(input + i + 2 * floatsPerLine),
                          Line::load(input + i + 3 * floatsPerLine)};
    for (size_t k = 0; k < 4; ++k) lines[k].stream(output + i + k * floatsPerLine);
  }
  _mm_sfence();
  std::memcpy(output + i, input + i, (length - i) * sizeof(float));
}
#else
void copyStreaming(const float* input, float* output, size_t length) {
  std::memcpy(output, input, length * sizeof(float));
}
#endif

size_t countPlainly(const float* input, size_t length) {
  size_t active = 0;
  // A narrow sum inside: it fills whole vectors of 32-bit lanes.
  for (size_t start = 0; start < length; start += 1u << 20) {
    const size_t end = std::min(length, start + (1u << 20));
    uint32_t part = 0;
    for (size_t i = start; i < end; ++i) part += input[i] > 0.0f;
    active += part;
  }
  return active;
}
