// The table of borders that leaves only one way of computing forward, for each of them.
#pragma once

#include "cuda/borders.hpp"

namespace device_tests {

struct ForcedWay {
  jumpout::cuda::Way way;
  const char* name;
  bool rows;  // one rate a row, else one for the tensor
  jumpout::cuda::Borders borders;
};

inline constexpr uint64_t kAnySize = ~uint64_t{0};

// Of the borders, one for the tensor: one_block, one_cluster, on_chip; one a row: warp_row, block_row, cluster_row.
inline constexpr ForcedWay kForcedWays[] = {
    {jumpout::cuda::Way::kBlockRows, "one block", false, {kAnySize, 0, 0, 0, 0, 0}},
    {jumpout::cuda::Way::kClusterRows, "one cluster", false, {0, kAnySize, 0, 0, 0, 0}},
    {jumpout::cuda::Way::kOnChip, "on chip", false, {0, 0, kAnySize, 0, 0, 0}},
    {jumpout::cuda::Way::kTwoLaunches, "two launches", false, {0, 0, 0, 0, 0, 0}},
    {jumpout::cuda::Way::kWarpRows, "a warp a row", true, {0, 0, 0, kAnySize, 0, 0}},
    {jumpout::cuda::Way::kBlockRows, "a block a row", true, {0, 0, 0, 0, kAnySize, 0}},
    {jumpout::cuda::Way::kClusterRows, "a cluster a row", true, {0, 0, 0, 0, 0, kAnySize}},
    {jumpout::cuda::Way::kTwoLaunches, "rows in two launches", true, {0, 0, 0, 0, 0, 0}},
};

}  // namespace device_tests
