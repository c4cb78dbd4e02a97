// One pass over a part of a tensor: cuts it into stretches that a kernel can take whole.
#pragma once

#include "core/layout.hpp"
#include "cpu/kernels.hpp"
#include "jumpout.h"

namespace jumpout::cpu {

// Calls body(row, from, to) for the stretches of [begin, end) that lie in one group each; row 0 is the
// layout's first group.
template <class Body>
void forEachRow(const jumpout_layout& layout, size_t begin, size_t end, const Body& body) {
  const uint64_t offset = layout.element_offset;
  const uint64_t first_group = groupOf(layout, offset);
  uint64_t group = groupOf(layout, offset + begin);
  while (begin < end) {
    const uint64_t stop = groupEnd(layout, group) - offset;
    const size_t to = stop < end ? static_cast<size_t>(stop) : end;
    body(static_cast<size_t>(group - first_group), begin, to);
    begin = to;
    ++group;
  }
}

// All pointers are those of the whole range; parts begin at whole mask words.
struct Sweep {
  const Kernels& kernels;
  const jumpout_layout& layout;
  const jumpout_group* groups;
  uint64_t seed;
  uint64_t call;

  Gate gate = Gate::kNone;
  const float* input = nullptr;
  const float* partner = nullptr;
  float* output = nullptr;
  uint32_t* mask = nullptr;
  Stores stores = Stores::kCached;

  // Streaming stores where the output is too large to stay in cache.
  void chooseStores(size_t length, size_t streaming_bytes);

  void applyDraws(size_t begin, size_t end) const;
  // `kept` begins with the decision of element `begin`.
  void applyMask(const uint32_t* kept, size_t begin, size_t end) const;

 private:
  template <class Whole, class Mixed>
  void cut(size_t begin, size_t end, const Whole& whole, const Mixed& mixed) const;
  Range rangeOf(size_t begin, size_t end) const;
  const uint16_t* lanesOf(size_t begin, size_t end, uint16_t* drawn, uint16_t* spread) const;
  void applyMixedDraws(size_t begin, size_t end) const;
  void applyInterleavedDraws(size_t begin, size_t end) const;
};

}  // namespace jumpout::cpu
