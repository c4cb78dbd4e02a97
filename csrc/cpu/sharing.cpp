#include "cpu/sharing.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace jumpout::cpu {
namespace {

constexpr float kNewest = 0.25f;  // its weight in a mean
// What one sweep can add to a mean, as a multiple of it. A lost processor is what sharing has to answer for; a thread alone
// loses it by accident.
constexpr float kLargestAlone = 2.0f, kLargestShared = 16.0f;
// The other way is tried again when this many times its extra cost have passed, and not in the next few sweeps.
constexpr float kPatience = 32.0f, kFewSweeps = 8.0f;

}  // namespace

bool Experience::share() const {
  if (times_[true] == 0) return true;
  if (times_[false] == 0) return false;
  return sharingPays() == (wait_ > 0);
}

void Experience::add(bool shared, float time) {
  float& mean = times_[shared];
  if (mean == 0) {
    mean = time;
  } else {
    const float largest = (shared ? kLargestShared : kLargestAlone) * std::max(times_[false], mean / 2);
    mean += (std::min(time, largest) - mean) * kNewest;
  }
  if (shared == sharingPays()) {
    wait_ -= time;
  } else {
    const float best = times_[!shared];
    wait_ = std::max(kPatience * (time - best), kFewSweeps * best);
  }
}

Experience& Sharing::of(const Kind& kind, bool awake) {
  const size_t size = static_cast<size_t>(std::bit_width(uint64_t{kind.elements}));
  const size_t index = static_cast<size_t>(kind.pass) * kSizes + std::min(size, kSizes - 1);
  return all_[index * 4 + kind.in_place * 2 + awake];
}

}  // namespace jumpout::cpu
