// Whether several threads are faster than one, learnt from the sweeps of this process: a parked worker may take longer to
// wake than the work takes, and beside other load a worker may lose its processor while the caller waits for its part.
#pragma once

#include <array>
#include <cstddef>

namespace jumpout::cpu {

// What sweeps of one kind took, in any one unit per element.
class Experience {
 public:
  // Whether the next sweep is to be shared. Shared first, then alone; then as it was faster, and now and then the other
  // way, for the price of a few percent.
  bool share() const;
  void add(bool shared, float time);

 private:
  bool sharingPays() const { return times_[true] < kWorth * times_[false]; }

  static constexpr float kWorth = 0.9f;

  std::array<float, 2> times_{};  // [shared]: running means; 0: not known
  float wait_ = 0;                // time to pass before the other way is tried
};

enum class Pass { kCount, kCountAhead, kRates, kForward, kBackward, kBackwardFromSeed };

// A kind of sweeps: what is done, how large it is, whether in place, and whether workers wait for it without sleeping.
struct Kind {
  Pass pass;
  size_t elements;
  bool in_place = false;
};

// One experience a kind, lengths between two powers of two together.
class Sharing {
 public:
  Experience& of(const Kind& kind, bool awake);

 private:
  static constexpr size_t kPasses = 6, kSizes = 64;
  std::array<Experience, kPasses * kSizes * 4> all_;
};

}  // namespace jumpout::cpu
