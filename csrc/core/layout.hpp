// How flat indices map to groups, units, random lanes and mask words (docs/numerics.md, Terms and Shards).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/host_device.hpp"
#include "jumpout.h"

namespace jumpout {

inline constexpr uint64_t kLanesPerBlock = 8;  // 16-bit lanes of one Philox block
inline constexpr size_t kMaskWordBits = 32;

JUMPOUT_HD constexpr size_t maskWords(size_t length) {
  return length / kMaskWordBits + (length % kMaskWordBits != 0);
}

JUMPOUT_HD constexpr uint64_t groupOf(const jumpout_layout& layout, uint64_t element) {
  return layout.group_size == 0 ? 0 : element / layout.group_size;
}

// One past the last element of a group, in whole-tensor indices.
JUMPOUT_HD constexpr uint64_t groupEnd(const jumpout_layout& layout, uint64_t group) {
  return layout.group_size == 0 ? ~uint64_t{0} : (group + 1) * layout.group_size;
}

// Whether the units of a sample take turns: one channel does not, nor do channels of one element.
JUMPOUT_HD constexpr bool interleavesUnits(const jumpout_layout& layout) {
  return layout.channels > 1 && layout.unit_size > 1;
}

// Where units do not take turns.
JUMPOUT_HD constexpr uint64_t unitOf(const jumpout_layout& layout, uint64_t element) {
  return layout.unit_size == 1 ? element : element / layout.unit_size;
}

JUMPOUT_HD constexpr size_t groupCount(size_t length, const jumpout_layout& layout) {
  if (length == 0 || layout.group_size == 0) return 1;
  const uint64_t last = layout.element_offset + (length - 1);
  return static_cast<size_t>(groupOf(layout, last) - groupOf(layout, layout.element_offset) + 1);
}

}  // namespace jumpout
