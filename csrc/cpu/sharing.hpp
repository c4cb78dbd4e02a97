// Whether several threads are faster than one, learnt from the calls of this process: a parked worker may take longer to
// wake than the work takes, and beside other load a worker may lose its processor while the caller waits for its part.
#pragma once

#include <array>
#include <cstddef>

namespace jumpout::cpu {

// Times of calls of one kind, in one unit per element, and the decision for the next call. Both ways are tried for two calls
// each, then the better one is taken. The other is tried again after 32 times its last extra cost: from then on trials cost
// at most 1 / 32 of the time, whatever the load, and a changed load is noticed.
class Experience {
 public:
  // Whether the next call is to be shared.
  bool share() const { return shared_; }
  // `time` per element of that call.
  void add(float time);

 private:
  // The last few calls of one way.
  class Recent {
   public:
    void add(float time);
    void forgetBut(float time);
    bool known() const { return count_ > 0; }
    float typical() const;

   private:
    std::array<float, 4> times_{};
    size_t count_ = 0;
  };

  bool sharingPays() const;
  void change();

  std::array<Recent, 2> recent_;  // [shared]
  bool shared_ = true;
  bool settled_ = false;  // whether the last call went the same way as the next
  std::array<float, 2>
      cost_{};      // [shared]: time that calls took beyond the other way's, less the time that they saved
  float wait_ = 0;  // time to pass before the other way is tried
};

enum class Operation { kCount, kForward, kBackward, kBackwardFromSeed };

// A kind of calls: the operation, the number of elements, whether in place.
struct Kind {
  Operation operation;
  size_t elements;
  bool in_place = false;
};

// One experience per kind; lengths between two powers of two share one.
class Sharing {
 public:
  Experience& of(const Kind& kind);

 private:
  static constexpr size_t kOperations = 4, kSizes = 64;
  std::array<Experience, kOperations * kSizes * 2> all_;
};

}  // namespace jumpout::cpu
