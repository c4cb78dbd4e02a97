#include "cpu/interleaved.hpp"

#include <algorithm>

namespace jumpout::cpu {
namespace {

constexpr uint32_t lowBits(size_t count) {
  return count < kMaskWordBits ? (uint32_t{1} << count) - 1 : ~uint32_t{0};
}

// Bits `first` to `first` + 31; reads two words.
uint32_t bitsAt(const uint32_t* from, size_t first) {
  const uint32_t* const word = from + first / kMaskWordBits;
  return static_cast<uint32_t>((word[0] | uint64_t{word[1]} << kMaskWordBits) >> first % kMaskWordBits);
}

// Writes all 32 of `bits` from bit `at` on, and zeros behind them to the end of the second word.
void putBits(uint32_t* to, size_t at, uint32_t bits) {
  uint32_t* const word = to + at / kMaskWordBits;
  const size_t used = at % kMaskWordBits;
  const uint64_t pair = (word[0] & lowBits(used)) | uint64_t{bits} << used;
  word[0] = static_cast<uint32_t>(pair);
  word[1] = static_cast<uint32_t>(pair >> kMaskWordBits);
}

// Whole words but for the first and the last.
void copyBits(uint32_t* to, size_t at, const uint32_t* from, size_t first, size_t count) {
  while (count > 0) {
    const size_t used = at % kMaskWordBits;
    uint32_t& word = to[at / kMaskWordBits];
    word = (word & lowBits(used)) | bitsAt(from, first) << used;
    const size_t copied = std::min(count, kMaskWordBits - used);
    at += copied;
    first += copied;
    count -= copied;
  }
}

uint32_t repeatOf(uint64_t channels) {
  uint32_t ones = 0;
  for (uint64_t end = channels; end <= kMaskWordBits; end += channels)
    ones |= uint32_t{1} << (end - channels);
  return ones;
}

}  // namespace

InterleavedUnits::InterleavedUnits(const Kernels& kernels, const jumpout_layout& layout, const Draws& draws,
                                   uint64_t last)
    : kernels_(kernels),
      channels_(layout.channels),
      sample_size_(layout.channels * layout.unit_size),
      last_unit_(last / sample_size_ * channels_ + (channels_ - 1)),
      step_(static_cast<size_t>(kMaskWordBits / channels_ * channels_)),
      repeat_(repeatOf(channels_)),
      draws_(draws),
      bits_{} {}

// At least `begin` to `end`, as many samples as can be.
void InterleavedUnits::decideUnits(uint64_t begin, uint64_t end) {
  if (!drawn_.have(begin, end)) {
    draws_.first_block = begin / kLanesPerBlock;
    const uint64_t first = draws_.first_block * kLanesPerBlock;
    const uint64_t count = std::min<uint64_t>(kMostUnits, last_unit_ - first + 1);
    const size_t blocks = static_cast<size_t>((count + kLanesPerBlock - 1) / kLanesPerBlock);
    kernels_.drawLanes(draws_, blocks, lanes_);
    std::fill_n(lanes_ + blocks * kLanesPerBlock, kDecisionPadding, uint16_t{0});
    drawn_ = {first, first + count};
  }
  decided_ = {begin, std::min(drawn_.end, wanted_end_)};
  kernels_.decideLanes(lanes_ + (begin - drawn_.begin), static_cast<size_t>(decided_.end - begin), threshold_,
                       bits_);
}

// The decisions of `count` channels of a sample, which fit together, or are too many for that.
void InterleavedUnits::copyUnits(uint64_t sample, uint64_t channel, size_t count, uint32_t* kept, size_t at) {
  for (uint64_t unit = sample * channels_ + channel; count > 0;) {
    if (!decided_.have(unit, unit + 1)) {
      const uint64_t begin = sample * channels_;
      if (channels_ <= kMostUnits - kLanesPerBlock)
        decideUnits(begin, begin + channels_);
      else
        decideUnits(unit, unit + 1);
    }
    const size_t copied = static_cast<size_t>(std::min<uint64_t>(count, decided_.end - unit));
    copyBits(kept, at, bits_, static_cast<size_t>(unit - decided_.begin), copied);
    unit += copied;
    at += copied;
    count -= copied;
  }
}

// One pixel, from `channel` to there in the next, then what there is already, twice as much each time.
void InterleavedUnits::fillSample(uint64_t sample, uint64_t channel, size_t count, uint32_t* kept,
                                  size_t at) {
  const size_t pixel = static_cast<size_t>(std::min<uint64_t>(count, channels_));
  const size_t uncut = static_cast<size_t>(std::min<uint64_t>(pixel, channels_ - channel));
  copyUnits(sample, channel, uncut, kept, at);
  copyUnits(sample, 0, pixel - uncut, kept, at + uncut);
  for (size_t done = pixel; done < count; done *= 2)
    copyBits(kept, at + done, kept, at, std::min(done, count - done));
}

// With few channels, word by word.
void InterleavedUnits::fillNarrowSample(uint64_t sample, size_t channel, size_t count, uint32_t* kept,
                                        size_t at) {
  const uint64_t unit = sample * channels_;
  const size_t channels = static_cast<size_t>(channels_);
  if (!decided_.have(unit, unit + channels)) decideUnits(unit, unit + channels);
  const uint32_t pixel = bitsAt(bits_, static_cast<size_t>(unit - decided_.begin)) & lowBits(channels);
  const size_t end = at + count;
  if (channel) {
    putBits(kept, at, pixel >> channel);
    at += channels - channel;
  }
  for (const uint32_t pixels = pixel * repeat_; at < end; at += step_) putBits(kept, at, pixels);
}

void InterleavedUnits::decide(uint64_t element, size_t count, uint16_t threshold, uint32_t* kept, size_t at) {
  threshold_ = threshold;
  decided_ = {};
  wanted_end_ = ((element + (count - 1)) / sample_size_ + 1) * channels_;
  uint64_t sample = element / sample_size_, channel = element % channels_;
  uint64_t left = sample_size_ - element % sample_size_;
  for (; count > 0; ++sample, channel = 0, left = sample_size_) {
    const size_t run = static_cast<size_t>(std::min<uint64_t>(count, left));
    if (channels_ <= kMaskWordBits)
      fillNarrowSample(sample, static_cast<size_t>(channel), run, kept, at);
    else
      fillSample(sample, channel, run, kept, at);
    at += run;
    count -= run;
  }
}

}  // namespace jumpout::cpu
