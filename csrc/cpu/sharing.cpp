#include "cpu/sharing.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>

namespace jumpout::cpu {
namespace {

// Shared calls must take less than this fraction of the time alone: they occupy more processors, and times vary.
constexpr float kWorth = 0.85f;

// Calls before the other way is tried, unless the current way has become worse.
constexpr float kFewCalls = 8.0f;

// Trials may cost 1 / kPatience of the time.
constexpr float kPatience = 32.0f;

}  // namespace

void Experience::Recent::add(float time) { times_[count_++ % times_.size()] = time; }

void Experience::Recent::forgetBut(float time) { times_.fill(time); }

// The second longest: one outlier among the last calls does not count, two do.
float Experience::Recent::typical() const {
  std::array<float, 4> sorted = times_;  // unknown times are 0 and come last
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  return count_ == 1 ? sorted[0] : sorted[1];
}

// False until calls alone were timed, since the first calls are shared.
bool Experience::sharingPays() const { return recent_[true].typical() < kWorth * recent_[false].typical(); }

void Experience::change() {
  shared_ = !shared_;
  settled_ = false;
  cost_[false] = 0;
}

// The first call after a change is not compared: it wakes the workers, and finds data in the other processors' caches.
void Experience::add(float time) {
  const Recent& others = recent_[!shared_];
  const float other = others.known() ? others.typical() : time;
  float& cost = cost_[shared_];
  cost = std::max(0.0f, cost + time - other);
  if (!settled_) {
    settled_ = true;
    return;
  }
  recent_[shared_].add(time);
  // Rare slow calls that together cost more than sharing saves.
  if (shared_ && cost > kPatience * other) recent_[true].forgetBut(time);
  wait_ -= time;
  if (shared_ != sharingPays()) {
    wait_ = std::max(kFewCalls * other, kPatience * cost);
    cost = 0;
    change();
  } else if (wait_ <= 0) {
    wait_ = kFewCalls * time;
    change();
  }
}

Experience& Sharing::of(const Kind& kind) {
  const size_t size = static_cast<size_t>(std::bit_width(uint64_t{kind.elements}));
  const size_t index = static_cast<size_t>(kind.operation) * kSizes + std::min(size, kSizes - 1);
  return all_[index * 2 + kind.in_place];
}

}  // namespace jumpout::cpu
