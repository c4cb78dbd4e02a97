// What host and device entry points check alike: alignment, overlap, layout, options. Each failure names its field.
#pragma once

#include <cmath>
#include <initializer_list>

#include "core/failure.hpp"
#include "core/layout.hpp"
#include "core/rate.hpp"

namespace jumpout {

// ---- Pointers ------------------------------------------------------------------------------------------------------

struct Pointer {
  const char* field;
  const void* address;
  size_t alignment;
  bool needed;
};

inline jumpout_status checkPointers(std::initializer_list<Pointer> pointers) {
  for (const Pointer& pointer : pointers)
    if (pointer.needed && !pointer.address) return failing(JUMPOUT_NULL_POINTER, pointer.field);
  for (const Pointer& pointer : pointers)
    if (reinterpret_cast<uintptr_t>(pointer.address) % pointer.alignment)
      return failing(JUMPOUT_MISALIGNED, pointer.field);
  return JUMPOUT_OK;
}

// ---- Overlap -------------------------------------------------------------------------------------------------------

enum class Access {
  kRead,
  kWritten,
  kElementsRead,  // element i is used for element i alone: such arrays may be the very same
  kElementsWritten,
};

struct Extent {
  const char* field;
  const void* first;
  size_t bytes;
  Access access;
};

inline bool disjoint(const Extent& a, const Extent& b) {
  const uintptr_t a_begin = reinterpret_cast<uintptr_t>(a.first),
                  b_begin = reinterpret_cast<uintptr_t>(b.first);
  if (!a.first || !b.first || !a.bytes || !b.bytes) return true;
  return a_begin <= b_begin ? b_begin - a_begin >= a.bytes : a_begin - b_begin >= b.bytes;
}

inline bool sameOrDisjoint(const Extent& a, const Extent& b) { return a.first == b.first || disjoint(a, b); }

inline bool mayMeet(const Extent& a, const Extent& b) {
  const auto written = [](Access access) {
    return access == Access::kWritten || access == Access::kElementsWritten;
  };
  const auto elements = [](Access access) { return access >= Access::kElementsRead; };
  if (!written(a.access) && !written(b.access)) return true;
  return elements(a.access) && elements(b.access) ? sameOrDisjoint(a, b) : disjoint(a, b);
}

inline jumpout_status checkApart(std::initializer_list<Extent> extents) {
  for (const Extent& later : extents)
    for (const Extent* earlier = extents.begin(); earlier != &later; ++earlier)
      if (!mayMeet(*earlier, later)) return failing(JUMPOUT_OVERLAP, later.field);
  return JUMPOUT_OK;
}

// ---- Numbers -------------------------------------------------------------------------------------------------------

inline bool within(double value, double low, double high) {  // false for NaN
  return value >= low && value <= high;
}

// Doubles count elements exactly up to here.
inline constexpr double kMostElements = 0x1p53;

inline jumpout_status checkLayout(const jumpout_layout& layout, size_t length, size_t element_bytes,
                                  size_t group_count) {
  if (layout.unit_size == 0) return failing(JUMPOUT_BAD_LENGTH, "layout.unit_size");
  if (length > SIZE_MAX / element_bytes) return failing(JUMPOUT_BAD_LENGTH, "length");
  if (layout.element_offset > UINT64_MAX - length)
    return failing(JUMPOUT_BAD_LENGTH, "layout.element_offset");
  // One past the last group's end must be a number too.
  if (layout.group_size && layout.group_size > UINT64_MAX - layout.element_offset - length)
    return failing(JUMPOUT_BAD_LENGTH, "layout.group_size");
  return group_count == groupCount(length, layout) ? JUMPOUT_OK : failing(JUMPOUT_BAD_LENGTH, "group_count");
}

// Where nobody gives counts, every group must lie whole in the range.
inline jumpout_status checkWholeGroups(const jumpout_layout& layout, size_t length) {
  if (layout.element_offset) return failing(JUMPOUT_BAD_LENGTH, "layout.element_offset");
  if (layout.group_size && length % layout.group_size) return failing(JUMPOUT_BAD_LENGTH, "length");
  return JUMPOUT_OK;
}

inline jumpout_status checkOptions(const jumpout_options& options) {
  const auto atLeast0 = [](double value) { return std::isfinite(value) && value >= 0.0; };
  if (!atLeast0(options.sigma)) return failing(JUMPOUT_BAD_OPTION, "options.sigma");
  if (!within(options.p_max, 0.0, kLargestRate)) return failing(JUMPOUT_BAD_OPTION, "options.p_max");
  if (!within(options.p_min, 0.0, options.p_max)) return failing(JUMPOUT_BAD_OPTION, "options.p_min");
  if (!std::isnan(options.rate) && !within(options.rate, 0.0, kLargestRate))
    return failing(JUMPOUT_BAD_OPTION, "options.rate");
  if (!within(options.max_rate, 0.0, kLargestRate)) return failing(JUMPOUT_BAD_OPTION, "options.max_rate");
  if (!atLeast0(options.exponent)) return failing(JUMPOUT_BAD_OPTION, "options.exponent");
  return JUMPOUT_OK;
}

inline jumpout_status checkCall(uint64_t call) {
  return call < uint64_t{INT64_MAX} ? JUMPOUT_OK : failing(JUMPOUT_BAD_OPTION, "call");
}

}  // namespace jumpout
