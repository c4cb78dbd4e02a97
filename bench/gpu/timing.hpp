// Device events around single calls, the contenders in turns, medians.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "device_memory.hpp"

namespace gpu_bench {

using device_tests::Taken;

struct Contender {
  std::string name;
  std::function<Taken()> enqueue;  // one call, on the device's stream; other libraries' calls have no way
};

struct Measured {
  double seconds;  // median of one call
  Taken taken;
};

// An exception of a contender, which spoils only its own result.
struct ContenderFailure : std::runtime_error {
  ContenderFailure(size_t which, const char* what) : std::runtime_error(what), which(which) {}
  size_t which;
};

enum class Caches { kCold, kWarm };

struct Effort {
  double seconds = 1.0;  // for all contenders of one comparison together
  int least_rounds = 5, most_rounds = 101;
  int repeats = 10;  // calls in one warm trial
};

// Before each trial the second-level cache is filled with something else, by work that is long enough for the host to
// enqueue the trial behind it: so neither the host nor a launch is measured. A warm trial then makes two calls that are
// not timed.
class Timer {
 public:
  Timer(const device_tests::Device& device, size_t flush_bytes);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Of each contender.
  std::vector<Measured> compare(const std::vector<Contender>& contenders, Caches caches,
                                const Effort& effort);

 private:
  struct Events {
    void* begin;
    void* end;
  };
  Taken trial(const Contender& contender, const Events& events, Caches caches, int repeats);

  const device_tests::Device& device_;
  size_t flush_bytes_;
  void* flush_ = nullptr;
  std::vector<Events> events_;
};

}  // namespace gpu_bench
