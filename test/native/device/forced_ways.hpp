// For each way of computing forward, the table of borders that leaves only that way.
#pragma once

#include <string>

#include "cuda/backend.hpp"
#include "device_memory.hpp"

namespace device_tests {

struct ForcedWay {
  jumpout::cuda::Way way;
  bool rows;  // one rate per row, else one for the tensor
  jumpout::cuda::Borders borders;
};

inline constexpr uint64_t kAnySize = ~uint64_t{0};

// Of the borders, one for the tensor: one_block, one_cluster, on_chip, beyond_chip; one per row: warp_row, block_row,
// cluster_row.
inline constexpr ForcedWay kForcedWays[] = {
    {jumpout::cuda::Way::kBlockRows, false, {kAnySize, 0, 0, 0, 0, 0, 0}},
    {jumpout::cuda::Way::kClusterRows, false, {0, kAnySize, 0, 0, 0, 0, 0}},
    {jumpout::cuda::Way::kOnChip, false, {0, 0, kAnySize, 0, 0, 0, 0}},
    {jumpout::cuda::Way::kBeyondChip, false, {0, 0, 0, kAnySize, 0, 0, 0}},
    {jumpout::cuda::Way::kTwoLaunches, false, {0, 0, 0, 0, 0, 0, 0}},
    {jumpout::cuda::Way::kWarpRows, true, {0, 0, 0, 0, kAnySize, 0, 0}},
    {jumpout::cuda::Way::kBlockRows, true, {0, 0, 0, 0, 0, kAnySize, 0}},
    {jumpout::cuda::Way::kClusterRows, true, {0, 0, 0, 0, 0, 0, kAnySize}},
    {jumpout::cuda::Way::kTwoLaunches, true, {0, 0, 0, 0, 0, 0, 0}},
};

inline std::string nameOf(const ForcedWay& forced) {
  return (forced.rows ? "rows: " : "tensor: ") + std::string(jumpout::cuda::nameOf(forced.way));
}

// Elements of the rows, or tensors, that a way takes, whatever the borders.
struct Sizes {
  uint64_t least = 1, most = 0;
  bool contain(uint64_t elements) const { return least <= elements && elements <= most; }
};

inline Sizes sizesOf(jumpout::cuda::Way way, jumpout_dtype dtype, const Device& device) {
  using jumpout::cuda::Way;
  const auto capacityOf = [&](Way of) {
    uint64_t capacity = 0;
    const Policy policy = device.policy().value_or(Policy{});
    require(jumpout::cuda::capacityOf(of, dtype, device.number(), policy, capacity), "a capacity");
    return capacity;
  };
  return {way == Way::kBeyondChip ? capacityOf(Way::kOnChip) + 1 : 1, capacityOf(way)};
}

}  // namespace device_tests
