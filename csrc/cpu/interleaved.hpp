// Decisions where channels are interleaved: a sample's are drawn once, and come again in each of its pixels.
#pragma once

#include "core/layout.hpp"
#include "cpu/kernels.hpp"

namespace jumpout::cpu {

// For ascending elements up to `last` of the whole tensor.
class InterleavedUnits {
 public:
  InterleavedUnits(const Kernels& kernels, const jumpout_layout& layout, const Draws& draws, uint64_t last);

  // Packs the decisions of `count` elements from `element` on, from bit `at` on. Bits after them may be overwritten.
  void decide(uint64_t element, size_t count, uint16_t threshold, uint32_t* kept, size_t at);

 private:
  // Units that are drawn at once. A sample with more channels is drawn again for each pixel.
  static constexpr size_t kMostUnits = 4096;
  // Short patterns are repeated up to here, so that they are copied in longer pieces.
  static constexpr size_t kLeastPeriod = 512;

  void draw(uint64_t unit, size_t count);
  void decideSample(uint64_t sample, uint16_t threshold);

  const Kernels& kernels_;
  const uint64_t channels_, sample_size_;
  const uint64_t units_end_;  // of the last sample
  Draws draws_;

  uint64_t first_unit_ = 0, drawn_units_ = 0;  // in lanes_
  const uint16_t* first_lane_ = nullptr;

  uint64_t sample_ = 0;
  uint32_t threshold_ = kNoThreshold;
  size_t period_ = 0;  // of pattern_, which decides sample_
  static constexpr uint32_t kNoThreshold = ~uint32_t{0};

  alignas(64) uint16_t lanes_[kMostUnits + 2 * kLanesPerBlock + kLanePadding];
  alignas(64) uint32_t pattern_[(kMostUnits + kDecisionPadding) / kMaskWordBits + 1];
};

}  // namespace jumpout::cpu
