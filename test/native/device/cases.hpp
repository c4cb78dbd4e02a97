// One call with all its properties, and random ones.
#pragma once

#include <string>
#include <vector>

#include "oracle.hpp"

namespace device_tests {

// Steele, Lea, Flood: SplitMix64. Small, and the same everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  uint64_t below(uint64_t bound) { return bits() % bound; }
  bool oneIn(uint64_t n) { return below(n) == 0; }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

enum class Values {
  kSigned,      // about half active, with a few special values
  kSpecial,     // special values only
  kNoneActive,  // zeros and negative ones
  kAllActive,
  kSparse,  // one in fifty
  kLarge,   // products overflow
};

struct Case : Problem {
  Values values = Values::kSigned;
  uint64_t data_seed = 1;
  size_t input_lead = 0, output_lead = 0;  // elements between a 256-byte boundary and the array
  size_t mask_lead = 0;                    // words, likewise
  bool canary_behind = true;
  bool counter = false;  // the call number lies on the device
  std::string describe() const;
};

// Bit patterns of the case's dtype.
std::vector<uint32_t> valuesOf(const Case& c, Values kind, uint64_t seed);

// Any dtype, layout, options, placement, with at most `most` elements.
Case randomCase(Random& random, size_t most);

// A layout with rows of `row` elements (0: one group), planes of `plane`, and all its numbers drawn.
Case drawnCase(Random& random, jumpout_dtype dtype, size_t length, uint64_t row = 0, uint64_t plane = 1);

// Makes a range of a larger tensor of it: where it begins, and the counts of the whole groups.
void makeShard(Random& random, Case& c, uint64_t offset, uint64_t total);

}  // namespace device_tests
