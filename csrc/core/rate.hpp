// From the counts of a group to its base rate, normalised rate, threshold and scale (docs/numerics.md, steps 2-5).
#pragma once

#include <cmath>
#include <cstdint>

#include "core/half_gaussian.hpp"
#include "jumpout.h"

namespace jumpout {

// A unit is kept iff its 16 random bits are at least the threshold.
inline constexpr double kThresholdSteps = 65536.0;
inline constexpr double kLargestRate = 65535.0 / 65536.0;

// Whether the base rate is drawn, rather than given.
JUMPOUT_HD inline bool drawsRate(const jumpout_options& options) { return std::isnan(options.rate); }

// I: truncated half-Gaussian of a standard normal value, or the given rate (paper, section 3.1).
JUMPOUT_HD inline double baseRate(const jumpout_options& options, double normal) {
  if (!drawsRate(options)) return options.rate;
  const double spread = options.sigma * std::fabs(normal);
  const double rate = options.p_min + spread;
  return rate < options.p_max ? rate : options.p_max;
}

// II: divided by the active fraction, capped (paper, section 3.2; the cap is ours).
JUMPOUT_HD inline double normalizedRate(const jumpout_options& options, double rate, double active,
                                        double total) {
  if (!options.normalize) return rate;
  if (active == 0.0) return 0.0;
  const double normalized = rate * (total / active);
  return normalized < options.max_rate ? normalized : options.max_rate;
}

JUMPOUT_HD inline uint32_t thresholdOfRate(double rate) {
  return static_cast<uint32_t>(std::floor(rate * kThresholdSteps + 0.5));
}

JUMPOUT_HD inline double rateOfThreshold(uint32_t threshold) { return threshold / kThresholdSteps; }

JUMPOUT_HD_APART inline double powerOf(double base, double exponent) { return std::pow(base, exponent); }

// The usual exponents need only operations that IEEE 754 rounds exactly.
JUMPOUT_HD inline bool isExactExponent(double exponent) {
  return exponent == 0.75 || exponent == 1.0 || exponent == 0.5;
}

JUMPOUT_HD inline float exactScale(double effectiveRate, double exponent) {
  const double w = 1.0 - effectiveRate;
  if (exponent == 1.0) return static_cast<float>(1.0 / w);
  const double root = std::sqrt(w);
  return static_cast<float>(1.0 / (exponent == 0.5 ? root : root * std::sqrt(root)));
}

// III: (1 - p')^-exponent (paper, section 3.3).
JUMPOUT_HD inline float survivorScale(double effectiveRate, double exponent) {
  if (isExactExponent(exponent)) return exactScale(effectiveRate, exponent);
  return static_cast<float>(powerOf(1.0 - effectiveRate, -exponent));
}

// Computes rate, effective_rate and scale from active and total.
inline void drawRate(const jumpout_options& options, uint64_t seed, uint64_t call, uint64_t group,
                     jumpout_group& record) {
  if (record.total == 0.0) {
    record = {0.0, 0.0, 0.0, 0.0, 1.0};
    return;
  }
  record.rate = baseRate(options, drawsRate(options) ? drawNormal(seed, call, group) : 0.0);
  const double rate = normalizedRate(options, record.rate, record.active, record.total);
  record.effective_rate = rateOfThreshold(thresholdOfRate(rate));
  record.scale = survivorScale(record.effective_rate, options.exponent);
}

}  // namespace jumpout
