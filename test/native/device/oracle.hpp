// docs/numerics.md, one element at a time, for any dtype. Written from that page alone: it shares no code with csrc.
#pragma once

#include <vector>

#include "float_formats.hpp"

namespace device_tests {

// The problem of one forward call, without memory.
struct Problem {
  jumpout_dtype dtype = JUMPOUT_FLOAT32;
  size_t length = 0;
  jumpout_layout layout{0, 0, 1, 0};
  jumpout_options options = jumpout_default_options();
  uint64_t seed = 0, call = 0;
  uint64_t total = 0;            // of a whole group; 0: as the layout says
  bool all_active = false;       // nothing is counted, everything counts as active
  std::vector<uint64_t> active;  // given counts, one per group; empty: counted
};

struct Words {
  uint32_t word[4];
};

Words philox(uint64_t key, uint64_t index, uint64_t stream);
double normalOf(const Words& words);

size_t groupsOf(const Problem& problem);
uint64_t firstGroupOf(const Problem& problem);
// Which of the touched groups element i belongs to.
size_t rowOf(const Problem& problem, size_t i);

// Step 1, for each group that is touched.
std::vector<uint64_t> countsOf(const Problem& problem, const std::vector<uint32_t>& input);

// Steps 2 to 5. `rate` is p.
double normalizedRate(const jumpout_options& options, double rate, uint64_t active, uint64_t total);
uint32_t thresholdOf(double normalized);
float scaleOf(uint32_t threshold, double exponent);
// Whether every library must give this scale (docs/numerics.md, What may differ).
bool isExact(double exponent);
std::vector<jumpout_record> recordsOf(const Problem& problem, const std::vector<uint64_t>& active);

// Step 6 and 7 with given records.
std::vector<uint32_t> maskOf(const Problem& problem, const std::vector<uint32_t>& input,
                             const std::vector<jumpout_record>& records);
// Multiplies kept elements by the scale, and makes the others +0: outputs from inputs, gradients from gradients.
std::vector<uint32_t> maskedBy(const Problem& problem, const std::vector<uint32_t>& values,
                               const std::vector<uint32_t>& mask, const std::vector<jumpout_record>& records);

}  // namespace device_tests
