// The formulas of docs/numerics.md, one element at a time: the reference for every kernel.
#pragma once

#include <vector>

#include "core/layout.hpp"
#include "core/philox.hpp"
#include "core/rate.hpp"

namespace reference {

using namespace jumpout;

struct Result {
  std::vector<float> output;
  std::vector<uint32_t> mask;
  std::vector<jumpout_group> groups;
};

inline uint64_t unitOf(const jumpout_layout& layout, uint64_t element) {
  const uint64_t sample = layout.unit_size * layout.channels;
  return sample ? element / sample * layout.channels + element % layout.channels : element / layout.unit_size;
}

inline uint32_t laneOfUnit(uint64_t seed, uint64_t call, uint64_t unit) {
  const PhiloxWords words = philox4x32_10(seed, keepSubsequence(call), unit / 8);
  const uint32_t lane = unit % 8;
  return words.word[lane / 2] >> (lane % 2 * 16) & 0xFFFF;
}

inline Result forward(const std::vector<float>& input, const jumpout_layout& layout,
                      const jumpout_options& options, uint64_t seed, uint64_t call,
                      const std::vector<jumpout_group>* counted = nullptr) {
  const uint64_t first = groupOf(layout, layout.element_offset);
  Result r{std::vector<float>(input.size()), std::vector<uint32_t>((input.size() + 31) / 32),
           std::vector<jumpout_group>(groupCount(input.size(), layout), jumpout_group{})};
  if (counted) {
    r.groups = *counted;
  } else {
    for (size_t i = 0; i < input.size(); ++i) {
      jumpout_group& group = r.groups[groupOf(layout, layout.element_offset + i) - first];
      group.active += input[i] > 0.0f;
      group.total += 1.0;
    }
  }
  for (size_t row = 0; row < r.groups.size(); ++row)
    drawRate(options, seed, call, first + row, r.groups[row]);
  for (size_t i = 0; i < input.size(); ++i) {
    const uint64_t element = layout.element_offset + i;
    const jumpout_group& group = r.groups[groupOf(layout, element) - first];
    const bool kept =
        laneOfUnit(seed, call, reference::unitOf(layout, element)) >= group.effective_rate * 65536.0 &&
        (!options.relu || input[i] > 0.0f);
    r.output[i] = kept ? input[i] * static_cast<float>(group.scale) : 0.0f;
    r.mask[i / 32] |= static_cast<uint32_t>(kept) << i % 32;
  }
  return r;
}

inline std::vector<float> backward(const std::vector<float>& gradient, const Result& forward,
                                   const jumpout_layout& layout) {
  const uint64_t first = groupOf(layout, layout.element_offset);
  std::vector<float> result(gradient.size());
  for (size_t i = 0; i < gradient.size(); ++i) {
    const jumpout_group& group = forward.groups[groupOf(layout, layout.element_offset + i) - first];
    const bool kept = forward.mask[i / 32] >> i % 32 & 1;
    result[i] = kept ? gradient[i] * static_cast<float>(group.scale) : 0.0f;
  }
  return result;
}

}  // namespace reference
