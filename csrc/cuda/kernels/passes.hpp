// What kernels receive by value: plain structs, shared by host and device.
#pragma once

#include <cstdint>

#include "core/layout.hpp"
#include "core/philox.hpp"
#include "jumpout.h"

namespace jumpout::cuda {

// What a kept unit must fulfil beyond its draw.
enum class Gate : int32_t {
  kNone,
  kPositiveInput,   // forward with ReLU: x > 0
  kNonzeroPartner,  // backward with ReLU from the forward's output: y != 0
};

// Elements and where they sit in the whole tensor. Row r has group number first_group + r.
struct Elements {
  const void* input;
  const void* partner;  // the forward's output for Gate::kNonzeroPartner
  void* output;
  uint32_t* mask;  // written by forward, or nullptr
  uint64_t length;
  uint64_t offset;
  uint64_t group_size;  // 0: one group
  uint64_t first_group;
  uint64_t unit_size;
  uint64_t channels;  // interleaved units of a sample, or 0
};

JUMPOUT_HD constexpr uint64_t ceilDivided(uint64_t count, uint64_t size) {
  return count / size + (count % size != 0);
}

// The 20 key words of Philox's rounds: as kernel parameters they are operands and cost no instruction.
struct KeySchedule {
  uint32_t word[philox::kRounds][2];

  explicit KeySchedule(uint64_t seed) {
    for (int round = 0; round < philox::kRounds; ++round)
      for (int half = 0; half < 2; ++half) word[round][half] = philoxKey(seed, round, half);
  }
  JUMPOUT_HD uint32_t operator()(int round, int half) const { return word[round][half]; }
};

// The caller owns it and has zeroed it once. Every launch leaves it ready for the next one on the same stream.
struct Workspace {
  uint64_t barrier[2];  // arrivals << 48 | count; calls alternate, and clear the one that they do not use
  uint64_t sum;         // the count of a first sweep, cleared by the last block of the second
  uint64_t epoch;       // picks the barrier
  uint32_t ticket;      // wraps to 0 by itself
};
static_assert(sizeof(Workspace) <= JUMPOUT_WORKSPACE_BYTES);

// From counts to records.
struct Draw {
  jumpout_options options;
  uint64_t seed;
  uint64_t call;
  uint64_t* call_counter;  // instead of `call`; advanced after the last block has read it
  const uint64_t* active;  // [groups] counts that are made already, or nullptr
  uint64_t total;          // elements of each whole group
  int32_t all_active;      // without `active`: every element counts as active
};

// Where counts are added up: [groups], `stride` words apart.
struct CountOutcome {
  uint64_t* sums;
  uint64_t stride;
};

inline constexpr int kArrivalShift = 48;
inline constexpr uint64_t kCountBits = (uint64_t{1} << kArrivalShift) - 1;

}  // namespace jumpout::cuda
