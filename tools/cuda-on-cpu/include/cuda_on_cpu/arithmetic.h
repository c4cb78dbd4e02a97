// Integer and floating-point intrinsics.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "cuda_on_cpu/language.h"

// ---- Bits ------------------------------------------------------------------------------------------------------

inline int __popc(unsigned int x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned int>(x)); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(x)); }

inline unsigned int __brev(unsigned int x) {
  unsigned int reversed = 0;
  for (int bit = 0; bit < 32; ++bit) reversed |= (x >> bit & 1u) << (31 - bit);
  return reversed;
}

inline unsigned int __umulhi(unsigned int a, unsigned int b) {
  return static_cast<unsigned int>(static_cast<uint64_t>(a) * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ typedef unsigned __int128 Wide;
  return static_cast<unsigned long long>(static_cast<Wide>(a) * b >> 64);
}

// Four bytes chosen from the eight of high:low; bit 3 of a selector repeats the sign of its byte.
inline unsigned int __byte_perm(unsigned int low, unsigned int high, unsigned int selectors) {
  const uint64_t bytes = static_cast<uint64_t>(high) << 32 | low;
  unsigned int result = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned int selector = selectors >> 4 * i & 0xfu;
    unsigned int byte = static_cast<unsigned int>(bytes >> 8 * (selector & 7u)) & 0xffu;
    if (selector & 8u) byte = byte & 0x80u ? 0xffu : 0u;
    result |= byte << 8 * i;
  }
  return result;
}

inline unsigned int __funnelshift_l(unsigned int low, unsigned int high, unsigned int shift) {
  return static_cast<unsigned int>((static_cast<uint64_t>(high) << 32 | low) << (shift & 31u) >> 32);
}
inline unsigned int __funnelshift_r(unsigned int low, unsigned int high, unsigned int shift) {
  return static_cast<unsigned int>((static_cast<uint64_t>(high) << 32 | low) >> (shift & 31u));
}

// ---- Floats: every operation rounds on its own, since everything is compiled with -ffp-contract=off ------------

inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return std::sqrt(a); }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }

namespace cuda_on_cpu {

template <class To, class From>
To bitsAs(From from) {
  static_assert(sizeof(To) == sizeof(From), "same size");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

}  // namespace cuda_on_cpu

inline unsigned int __float_as_uint(float x) { return cuda_on_cpu::bitsAs<unsigned int>(x); }
inline float __uint_as_float(unsigned int x) { return cuda_on_cpu::bitsAs<float>(x); }
inline int __float_as_int(float x) { return cuda_on_cpu::bitsAs<int>(x); }
inline float __int_as_float(int x) { return cuda_on_cpu::bitsAs<float>(x); }
inline long long __double_as_longlong(double x) { return cuda_on_cpu::bitsAs<long long>(x); }
inline double __longlong_as_double(long long x) { return cuda_on_cpu::bitsAs<double>(x); }

// ---- The rest --------------------------------------------------------------------------------------------------

inline long long clock64() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

#define CUDA_ON_CPU_MIN_MAX(T)                     \
  inline T min(T a, T b) { return b < a ? b : a; } \
  inline T max(T a, T b) { return a < b ? b : a; }
CUDA_ON_CPU_MIN_MAX(int)
CUDA_ON_CPU_MIN_MAX(unsigned int)
CUDA_ON_CPU_MIN_MAX(long)
CUDA_ON_CPU_MIN_MAX(unsigned long)
CUDA_ON_CPU_MIN_MAX(long long)
CUDA_ON_CPU_MIN_MAX(unsigned long long)
#undef CUDA_ON_CPU_MIN_MAX
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
