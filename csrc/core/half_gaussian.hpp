// The normal value behind a half-Gaussian base rate: curand_normal2_double on Philox, first of the pair.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/philox.hpp"

namespace jumpout {

// sin(pi * v) for v in (0, 2); the reduction is exact, so that values near 1 and 2 keep all their bits.
JUMPOUT_HD inline double sinOfPi(double v) {
#if defined(__CUDA_ARCH__)
  double sine, cosine;
  sincospi(v, &sine, &cosine);  // cuRAND calls it too: same bits
  return sine;
#else
  constexpr double kPi = 3.14159265358979323846;
  const double folded = v > 1.0 ? v - 1.0 : v;
  const double r = folded > 0.5 ? 1.0 - folded : folded;
  const double sine = r > 0.25 ? std::cos(kPi * (0.5 - r)) : std::sin(kPi * r);
  return v > 1.0 ? -sine : sine;
#endif
}

// Box-Muller on the 53-bit uniforms that cuRAND makes of one Philox block; every step rounds on its own.
JUMPOUT_HD_APART inline double normalOfWords(PhiloxWords r) {
  constexpr double k2Pow53Inverse = 0x1p-53;
  constexpr double k2Pow52Inverse = 0x1p-52;
  const uint64_t a = static_cast<uint64_t>(r.word[0]) ^ static_cast<uint64_t>(r.word[1]) << 21;
  const uint64_t b = static_cast<uint64_t>(r.word[2]) ^ static_cast<uint64_t>(r.word[3]) << 21;
  const double u = static_cast<double>(a) * k2Pow53Inverse + k2Pow53Inverse / 2.0;
  const double v = static_cast<double>(b) * k2Pow52Inverse + k2Pow52Inverse / 2.0;
  return std::sqrt(-2.0 * std::log(u)) * sinOfPi(v);
}

JUMPOUT_HD inline double drawNormal(uint64_t seed, uint64_t call, uint64_t group) {
  return normalOfWords(philox4x32_10(seed, rateSubsequence(call), group));
}

}  // namespace jumpout
