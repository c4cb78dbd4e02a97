// Decisions where channels are interleaved: a sample's are drawn once, and come again in each of its pixels.
#pragma once

#include "core/layout.hpp"
#include "cpu/kernels.hpp"

namespace jumpout::cpu {

// For ascending elements up to `last` of the whole tensor.
class InterleavedUnits {
 public:
  InterleavedUnits(const Kernels& kernels, const jumpout_layout& layout, const Draws& draws, uint64_t last);

  // Packs the decisions of `count` elements from `element` on, from bit `at` on. Bits after them are overwritten, up to a
  // word behind theirs.
  void decide(uint64_t element, size_t count, uint16_t threshold, uint32_t* kept, size_t at);

 private:
  // Units that are drawn at once, of as many samples as they are. A sample with more is drawn again for each pixel.
  static constexpr size_t kMostUnits = 4096;

  void decideUnits(uint64_t begin, uint64_t end);
  void copyUnits(uint64_t sample, uint64_t channel, size_t count, uint32_t* kept, size_t at);
  void fillSample(uint64_t sample, uint64_t channel, size_t count, uint32_t* kept, size_t at);
  void fillNarrowSample(uint64_t sample, size_t channel, size_t count, uint32_t* kept, size_t at);

  const Kernels& kernels_;
  const uint64_t channels_, sample_size_;
  const uint64_t last_unit_;  // of the last sample
  const size_t step_;         // the bits of as many whole pixels as a word holds
  const uint32_t repeat_;     // times a pixel's bits: those of these
  Draws draws_;

  // Units whose lanes are drawn, and those among them that are decided, for the present threshold.
  struct Units {
    uint64_t begin, end;
    bool have(uint64_t from, uint64_t to) const { return begin <= from && to <= end; }
  };
  Units drawn_{}, decided_{};
  uint64_t wanted_end_ = 0;  // of the units to decide
  uint16_t threshold_ = 0;

  alignas(64) uint16_t lanes_[kMostUnits + kLanesPerBlock + kLanePadding];
  alignas(64) uint32_t bits_[(kMostUnits + kDecisionPadding) / kMaskWordBits + 1];
};

}  // namespace jumpout::cpu
