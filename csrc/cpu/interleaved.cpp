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

// Times the bits of a pixel: those of as many whole pixels as fit `bits`.
uint32_t repeatOf(uint64_t channels, uint64_t bits) {
  uint32_t ones = 0;
  for (uint64_t end = channels; end <= bits; end += channels) ones |= uint32_t{1} << (end - channels);
  return ones;
}

// Samples that fit a word, where several do.
size_t samplesOf(uint64_t sample_size) {
  return sample_size <= kMaskWordBits / 2 ? static_cast<size_t>(kMaskWordBits / sample_size) : 0;
}

}  // namespace

InterleavedUnits::InterleavedUnits(const Kernels& kernels, const jumpout_layout& layout, const Draws& draws,
                                   uint64_t last)
    : kernels_(kernels),
      channels_(layout.channels),
      sample_size_(layout.channels * layout.unit_size),
      last_unit_(last / sample_size_ * channels_ + (channels_ - 1)),
      step_(static_cast<size_t>(kMaskWordBits / channels_ * channels_)),
      repeat_(repeatOf(channels_, kMaskWordBits)),
      samples_(samplesOf(sample_size_)),
      sample_bits_(samples_ ? static_cast<size_t>(sample_size_) : 0),
      repeat_in_sample_(repeatOf(channels_, sample_bits_)),
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

// All units of a sample together, unless they are too many for that.
void InterleavedUnits::decideSample(uint64_t sample, uint64_t unit) {
  const uint64_t first = sample * channels_;
  if (channels_ <= kMostUnits - kLanesPerBlock)
    decideUnits(first, first + channels_);
  else
    decideUnits(unit, unit + 1);
}

// Pixel by pixel, a word at a time.
void InterleavedUnits::writeWide(uint64_t element, size_t count, BitWriter& to) {
  BitWriter kept = to;
  uint64_t sample = element / sample_size_, channel = element % channels_;
  uint64_t left = sample_size_ - element % sample_size_;
  while (count > 0) {
    const uint64_t unit = sample * channels_ + channel;
    if (!decided_.have(unit, unit + 1)) decideSample(sample, unit);
    const uint64_t end = std::min<uint64_t>(decided_.end, unit + (channels_ - channel));
    const size_t run = static_cast<size_t>(std::min<uint64_t>(count, end - unit));
    const size_t first = static_cast<size_t>(unit - decided_.begin);
    size_t done = 0;
    for (; done + kMaskWordBits <= run; done += kMaskWordBits)
      kept.put(bitsAt(bits_, first + done), kMaskWordBits);
    if (done < run) kept.put(bitsAt(bits_, first + done) & lowBits(run - done), run - done);
    count -= run;
    left -= run;
    channel += run;
    if (channel == channels_) channel = 0;
    if (left == 0) {
      ++sample;
      left = sample_size_;
    }
  }
  to = kept;
}

// Few channels: as many whole pixels, or whole samples, at a time as a word holds.
void InterleavedUnits::writeNarrow(uint64_t element, size_t count, BitWriter& to) {
  BitWriter kept = to;
  const size_t channels = static_cast<size_t>(channels_), several = samples_ * sample_bits_;
  const uint32_t low = lowBits(channels), repeat = repeat_;
  uint64_t unit = element / sample_size_ * channels, left = sample_size_ - element % sample_size_;
  for (size_t channel = static_cast<size_t>(element % channels); count > 0; left = sample_size_) {
    if (!decided_.have(unit, unit + channels)) decideUnits(unit, unit + channels);
    uint32_t units = bitsAt(bits_, static_cast<size_t>(unit - decided_.begin));
    if (several && count >= several && left == sample_size_ &&
        decided_.have(unit, unit + samples_ * channels)) {
      uint32_t firsts = 0;
      for (size_t at = 0; at < several; at += sample_bits_, units >>= channels) firsts |= (units & low) << at;
      kept.put(firsts * repeat_in_sample_, several);
      unit += samples_ * channels;
      count -= several;
      continue;
    }
    size_t run = static_cast<size_t>(std::min<uint64_t>(count, left));
    count -= run;
    unit += channels;
    if (channel) {
      const size_t bits = std::min(run, channels - channel);
      kept.put((units & low) >> channel & lowBits(bits), bits);
      run -= bits;
      channel = 0;
    }
    const uint32_t pixels = (units & low) * repeat;
    for (; run >= step_; run -= step_) kept.put(pixels, step_);
    if (run) kept.put(pixels & lowBits(run), run);
  }
  to = kept;
}

void InterleavedUnits::decide(uint64_t element, size_t count, uint16_t threshold, BitWriter& to) {
  threshold_ = threshold;
  decided_ = {};
  wanted_end_ = ((element + (count - 1)) / sample_size_ + 1) * channels_;
  if (channels_ <= kMaskWordBits)
    writeNarrow(element, count, to);
  else
    writeWide(element, count, to);
}

}  // namespace jumpout::cpu
