// Where one way of computing forward ends and the next begins: guesses until measured (docs/tuning.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace jumpout::cuda {

// Largest sizes, in elements, capped by what a way can hold at all; 0 turns a way off.
struct Borders {
  // One rate for the whole tensor.
  uint64_t one_block = 8192;
  uint64_t one_cluster = uint64_t{1} << 16;
  uint64_t on_chip = ~uint64_t{0};
  // In multiples of what the chip holds. At 3, holding still saves 1/9 of the bytes (docs/tuning.md).
  uint64_t beyond_chip = 3;
  // One rate per row.
  uint64_t warp_row = ~uint64_t{0};
  uint64_t block_row = ~uint64_t{0};
  uint64_t cluster_row = ~uint64_t{0};
};

// What decides how a call is computed. The defaults are the library's choice; tests and benchmarks pass others.
struct Policy {
  Borders borders;
  int multiprocessors = 0;  // as if the device had no more than these; 0: all that it has
};

// How a call is computed.
enum class Way : int32_t {
  kNothing,
  kWarpRows,
  kBlockRows,
  kClusterRows,
  kOnChip,
  kBeyondChip,
  kTwoLaunches,
  kSweep,
  kInterleaved,
  kGeneral
};

// The one list of their names, in that order (docs/tuning.md).
inline const char* nameOf(Way way) {
  constexpr const char* kNames[] = {"nothing",         "warp per row", "block per row",
                                    "cluster per row", "on chip",      "on chip and beyond",
                                    "count and sweep", "sweep",        "interleaved channels",
                                    "general"};
  static_assert(std::size(kNames) == static_cast<size_t>(Way::kGeneral) + 1);
  return kNames[static_cast<size_t>(way)];
}

struct Taken {
  Way way = Way::kNothing;
  Way refused = Way::kNothing;  // the way tried before, whose launch the device refused
};

}  // namespace jumpout::cuda
