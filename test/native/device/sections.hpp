// The groups of cases, from small to large; main.cpp runs them in order.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "conform.hpp"

namespace device_tests {

// Amount of cases: kTiny for a thread sanitizer, kQuick for a CPU, kFull for a GPU.
enum class Effort { kTiny, kQuick, kFull };

struct Context {
  Report& report;
  const Device& device;
  Effort effort;
  uint64_t seed;
  uint64_t cases;  // of the section `random`
  std::vector<std::string> missing =
      {};                   // ways that this device has not: they must not be taken, all others must
  bool may_refuse = false;  // their launch

  bool lacks(jumpout::cuda::Way way) const {
    return std::find(missing.begin(), missing.end(), jumpout::cuda::nameOf(way)) != missing.end();
  }
  template <class T>
  T pick(T tiny, T quick, T full) const {
    return effort == Effort::kTiny ? tiny : effort == Effort::kQuick ? quick : full;
  }
};

void selfTest(Context& context);
void goldenVectors(Context& context);
void lengths(Context& context);
void alignments(Context& context);
void optionsAtTheirEnds(Context& context);
void samples(Context& context);
void channels(Context& context);
void interleaved(Context& context);
void shards(Context& context);
void givenCounts(Context& context);
void callCounters(Context& context);
void graphs(Context& context);
void streams(Context& context);
void refusals(Context& context);
void forcedWays(Context& context);
void draws(Context& context);
void largeTensors(Context& context);
void hugeTensors(Context& context);
void otherDevices(Context& context);
void randomCases(Context& context);

}  // namespace device_tests
