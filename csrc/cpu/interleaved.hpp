// Decisions where channels are interleaved: a sample's are drawn once, and come again in each of its pixels.
#pragma once

#include "core/layout.hpp"
#include "cpu/kernels.hpp"

namespace jumpout::cpu {

// Packs bits into words, one after the other.
class BitWriter {
 public:
  explicit BitWriter(uint32_t* words) : word_(words) {}

  // The lowest `count`, 1 to 32, of `bits`, whose others are zero. Bits after them are zero, to the end of the next word.
  void put(uint32_t bits, size_t count) {
    pending_ |= uint64_t{bits} << used_;
    word_[0] = static_cast<uint32_t>(pending_);
    word_[1] = static_cast<uint32_t>(pending_ >> kMaskWordBits);
    used_ += count;
    const size_t whole = used_ / kMaskWordBits;
    word_ += whole;
    pending_ >>= whole * kMaskWordBits;
    used_ %= kMaskWordBits;
  }

 private:
  uint32_t* word_;
  uint64_t pending_ = 0;  // the bits of `word_` that are there
  size_t used_ = 0;       // how many
};

// For ascending elements up to `last` of the whole tensor.
class InterleavedUnits {
 public:
  InterleavedUnits(const Kernels& kernels, const jumpout_layout& layout, const Draws& draws, uint64_t last);

  // Packs the decisions of `count` elements from `element` on.
  void decide(uint64_t element, size_t count, uint16_t threshold, BitWriter& to);

 private:
  // Units that are drawn at once, of as many samples as they are. A sample with more is drawn again for each pixel.
  static constexpr size_t kMostUnits = 4096;

  void decideUnits(uint64_t begin, uint64_t end);
  void decideSample(uint64_t sample, uint64_t unit);
  void writeWide(uint64_t element, size_t count, BitWriter& to);
  void writeNarrow(uint64_t element, size_t count, BitWriter& to);

  const Kernels& kernels_;
  const uint64_t channels_, sample_size_;
  const uint64_t last_unit_;         // of the last sample
  const size_t step_;                // the bits of as many whole pixels as a word holds
  const uint32_t repeat_;            // times a pixel's bits: those of these
  const size_t samples_;             // that a word holds where it holds several, 0 otherwise
  const size_t sample_bits_;         // of each of these
  const uint32_t repeat_in_sample_;  // times a pixel's bits: those of a sample
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
