// Where one way of computing forward ends and the next begins: guesses, until they were swept on a device (docs/tuning.md).
#pragma once

#include <cstdint>

namespace jumpout::cuda {

// Largest sizes, in elements, capped by what a way can hold at all; 0 turns a way off.
struct Borders {
  // One rate for the whole tensor.
  uint64_t one_block = 8192;
  uint64_t one_cluster = uint64_t{1} << 16;
  uint64_t on_chip = ~uint64_t{0};
  // One rate a row.
  uint64_t warp_row = ~uint64_t{0};
  uint64_t block_row = ~uint64_t{0};
  uint64_t cluster_row = ~uint64_t{0};
};

// Shared by all threads and not locked: to be set before the first call only.
Borders& bordersForTests();

// How forward computes.
enum class Way : int32_t {
  kNothing,
  kWarpRows,
  kBlockRows,
  kClusterRows,
  kOnChip,
  kTwoLaunches,
  kCounted,
  kGeneral
};

// Of this thread's last forward.
Way lastWayForTests();

}  // namespace jumpout::cuda
