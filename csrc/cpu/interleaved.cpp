#include "cpu/interleaved.hpp"

#include <algorithm>

namespace jumpout::cpu {
namespace {

// Copies `count` bits from bit `first` of `from`, reading one word more, to bit `at` of `to`.
void copyBits(uint32_t* to, size_t at, const uint32_t* from, size_t first, size_t count) {
  while (count > 0) {
    const size_t used = at % kMaskWordBits;
    const uint32_t* const word = from + first / kMaskWordBits;
    const uint64_t pair = word[0] | uint64_t{word[1]} << kMaskWordBits;
    uint32_t& target = to[at / kMaskWordBits];
    target = (target & ((1u << used) - 1u)) | static_cast<uint32_t>(pair >> first % kMaskWordBits) << used;
    const size_t copied = std::min(count, kMaskWordBits - used);
    at += copied;
    first += copied;
    count -= copied;
  }
}

}  // namespace

InterleavedUnits::InterleavedUnits(const Kernels& kernels, const jumpout_layout& layout, const Draws& draws,
                                   uint64_t last)
    : kernels_(kernels),
      channels_(layout.channels),
      sample_size_(layout.channels * layout.unit_size),
      units_end_((last / sample_size_ + 1) * channels_),
      draws_(draws),
      pattern_{} {}

void InterleavedUnits::draw(uint64_t unit, size_t count) {
  draws_.first_block = unit / kLanesPerBlock;
  const size_t before = unit % kLanesPerBlock;
  const size_t blocks = (before + count + kLanesPerBlock - 1) / kLanesPerBlock;
  kernels_.drawLanes(draws_, blocks, lanes_);
  std::fill_n(lanes_ + blocks * kLanesPerBlock, kDecisionPadding, uint16_t{0});
  first_unit_ = unit;
  drawn_units_ = count;
  first_lane_ = lanes_ + before;
}

// As many samples as the lanes hold are drawn together.
void InterleavedUnits::decideSample(uint64_t sample, uint16_t threshold) {
  if (sample == sample_ && threshold == threshold_) return;
  const uint64_t unit = sample * channels_;
  if (unit < first_unit_ || unit + channels_ > first_unit_ + drawn_units_)
    draw(unit, static_cast<size_t>(std::min<uint64_t>(kMostUnits, units_end_ - unit)));
  period_ = static_cast<size_t>(channels_);
  kernels_.decideLanes(first_lane_ + (unit - first_unit_), period_, threshold, pattern_);
  for (; period_ < kLeastPeriod; period_ *= 2) copyBits(pattern_, period_, pattern_, 0, period_);
  sample_ = sample;
  threshold_ = threshold;
}

void InterleavedUnits::decide(uint64_t element, size_t count, uint16_t threshold, uint32_t* kept, size_t at) {
  while (count > 0) {
    const uint64_t sample = element / sample_size_, within = element % sample_size_;
    const size_t run = static_cast<size_t>(std::min<uint64_t>(count, sample_size_ - within));
    for (size_t done = 0; done < run;) {
      size_t phase = 0, length = 0;
      if (channels_ <= kMostUnits) {
        decideSample(sample, threshold);
        phase = (within + done) % period_;
        length = std::min(run - done, period_ - phase);
      } else {
        const uint64_t channel = (within + done) % channels_;
        length = static_cast<size_t>(std::min<uint64_t>({run - done, channels_ - channel, kMostUnits}));
        draw(sample * channels_ + channel, length);
        kernels_.decideLanes(first_lane_, length, threshold, pattern_);
      }
      copyBits(kept, at, pattern_, phase, length);
      at += length;
      done += length;
    }
    element += run;
    count -= run;
  }
}

}  // namespace jumpout::cpu
