// The table of borders that leaves only one way of computing forward, for each of them.
#pragma once

#include <string>

#include "cuda/borders.hpp"

namespace device_tests {

struct ForcedWay {
  jumpout::cuda::Way way;
  bool rows;  // one rate a row, else one for the tensor
  jumpout::cuda::Borders borders;
};

inline constexpr uint64_t kAnySize = ~uint64_t{0};

// Of the borders, one for the tensor: one_block, one_cluster, on_chip; one a row: warp_row, block_row, cluster_row.
inline constexpr ForcedWay kForcedWays[] = {
    {jumpout::cuda::Way::kBlockRows, false, {kAnySize, 0, 0, 0, 0, 0}},
    {jumpout::cuda::Way::kClusterRows, false, {0, kAnySize, 0, 0, 0, 0}},
    {jumpout::cuda::Way::kOnChip, false, {0, 0, kAnySize, 0, 0, 0}},
    {jumpout::cuda::Way::kTwoLaunches, false, {0, 0, 0, 0, 0, 0}},
    {jumpout::cuda::Way::kWarpRows, true, {0, 0, 0, kAnySize, 0, 0}},
    {jumpout::cuda::Way::kBlockRows, true, {0, 0, 0, 0, kAnySize, 0}},
    {jumpout::cuda::Way::kClusterRows, true, {0, 0, 0, 0, 0, kAnySize}},
    {jumpout::cuda::Way::kTwoLaunches, true, {0, 0, 0, 0, 0, 0}},
};

inline std::string nameOf(const ForcedWay& forced) {
  return (forced.rows ? "rows: " : "tensor: ") + std::string(jumpout::cuda::nameOf(forced.way));
}

}  // namespace device_tests
