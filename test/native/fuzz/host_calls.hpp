// The host's calls, each made as it is described and held against the formulas, against every instruction set, and against
// other ways to the same result.
#pragma once

#include <memory>
#include <vector>

#include "../check.hpp"
#include "../reference.hpp"
#include "calls.hpp"
#include "cpu/backend.hpp"

namespace fuzz {

inline const std::vector<std::unique_ptr<jumpout::cpu::Backend>>& backends() {
  static const auto& all = *[] {
    auto* const found = new std::vector<std::unique_ptr<jumpout::cpu::Backend>>;
    for (const char* name : {"scalar", "avx2", "avx512", "neon"})
      if (const auto* isa = jumpout::cpu::findIsa(name))
        found->push_back(std::make_unique<jumpout::cpu::Backend>(*isa, 1));
    return found;
  }();
  return all;
}

template <class T>
std::vector<T> copyOf(const T* first, size_t count) {
  return first ? std::vector<T>(first, first + count) : std::vector<T>(count);
}

inline bool same(const float* got, const std::vector<float>& want) {
  for (size_t i = 0; i < want.size(); ++i)
    if (!check::sameFloat(got[i], want[i])) return false;
  return true;
}

template <class T>
bool sameBytes(const T* got, const std::vector<T>& want) {
  return want.empty() || std::memcmp(got, want.data(), want.size() * sizeof(T)) == 0;
}

inline bool sameGroups(const jumpout_group* got, const std::vector<jumpout_group>& want) {
  return sameBytes(got, want);
}

inline void verifyBackward(const jumpout_backward_args& args, const std::vector<float>& gradient,
                           const std::vector<float>& output) {
  const auto got = copyOf(args.grad_input, args.length);
  for (const auto& backend : backends()) {
    std::vector<float> again = gradient;  // in place
    jumpout_backward_args other = args;
    other.grad_output = other.grad_input = again.data();
    other.output = output.data();
    backend->backward(other);
    require(same(again.data(), got), std::string("backward gives the same bits on ") + backend->isa().name);
  }
}

inline void callBackward(Arena& arena, const jumpout_backward_args& args, int mode = FE_TONEAREST) {
  if (!made(arena, args, mode, jumpout_backward)) return;
  std::vector<float> output(args.length);
  if (args.relu && !args.mask) output = copyOf(arena.before(args.output), args.length);
  verifyBackward(args, copyOf(arena.before(args.grad_output), args.length), output);
}

// What shards give, counted apart and put together, is what the whole gives.
inline void verifyShards(const jumpout_forward_args& whole, std::vector<float> input, size_t cut,
                         const reference::Result& want) {
  std::vector<float> output(whole.length);
  std::vector<jumpout_group> sums(whole.group_count, jumpout_group{});
  const std::pair<size_t, size_t> ranges[] = {{0, cut}, {cut, whole.length}};
  const auto rowsOf = [&](const std::pair<size_t, size_t>& range) {
    jumpout_layout layout = whole.layout;
    layout.element_offset += range.first;
    return std::pair(layout, jumpout_group_count(range.second - range.first, &layout));
  };
  for (const auto& range : ranges) {
    const auto [layout, rows] = rowsOf(range);
    const uint64_t first = jumpout::groupOf(layout, layout.element_offset);
    std::vector<jumpout_group> counts(rows);
    const jumpout_count_args args{input.data() + range.first, counts.data(), range.second - range.first, rows,
                                  layout};
    require(jumpout_count_active(&args) == JUMPOUT_OK, "a shard is counted");
    for (size_t row = 0; row < rows && range.first < range.second; ++row) {
      sums[first + row].active += counts[row].active;
      sums[first + row].total += counts[row].total;
    }
  }
  for (const auto& range : ranges) {
    if (range.first == range.second) continue;
    const auto [layout, rows] = rowsOf(range);
    const uint64_t first = jumpout::groupOf(layout, layout.element_offset);
    std::vector<jumpout_group> groups(sums.begin() + first, sums.begin() + first + rows);
    jumpout_forward_args args = whole;
    args.input = input.data() + range.first;
    args.output = output.data() + range.first;
    args.mask = nullptr;
    args.groups = groups.data();
    args.length = range.second - range.first;
    args.group_count = rows;
    args.layout = layout;
    args.counted = 1;
    require(jumpout_forward(&args) == JUMPOUT_OK, "a shard is accepted");
    for (size_t row = 0; row < rows; ++row)
      require(sameGroups(&groups[row], {want.groups[first + row]}), "a shard's row is that of the whole");
  }
  require(same(output.data(), want.output), "shards give the output of the whole");
}

// The gradients of a forward call: of its mask, of its seed, and by the formula.
inline void verifyGradients(const jumpout_forward_args& args, const reference::Result& want) {
  std::vector<float> gradient(args.length), from_mask(args.length), from_seed(args.length);
  fillTensor(args.seed + 1, gradient.data(), args.length);
  jumpout_backward_args backward = {};
  backward.grad_output = gradient.data();
  backward.grad_input = from_mask.data();
  backward.mask = want.mask.empty() ? nullptr : want.mask.data();
  backward.output = want.output.data();
  backward.groups = args.groups;
  backward.length = args.length;
  backward.group_count = args.group_count;
  backward.layout = args.layout;
  backward.seed = args.seed;
  backward.call = args.call;
  backward.relu = args.options.relu;
  require(jumpout_backward(&backward) == JUMPOUT_OK, "backward takes what forward gives");
  require(same(from_mask.data(), reference::backward(gradient, want, args.layout)), "backward from the mask");
  backward.mask = nullptr;
  backward.grad_input = from_seed.data();
  require(jumpout_backward(&backward) == JUMPOUT_OK, "backward takes what forward gives, without the mask");
  require(same(from_seed.data(), from_mask), "both ways backward give the same bits");
}

// `cut`: where the tensor is parted into two shards.
inline void callForward(Arena& arena, const jumpout_forward_args& args, size_t cut, int mode = FE_TONEAREST) {
  if (!made(arena, args, mode, jumpout_forward)) return;
  const std::vector<float> input = copyOf(arena.before(args.input), args.length);
  const std::vector<jumpout_group> counts = copyOf(arena.before(args.groups), args.group_count);
  const auto want = reference::forward(input, args.layout, args.options, args.seed, args.call,
                                       args.counted ? &counts : nullptr);
  require(same(args.output, want.output), "forward: the output is the formula's");
  require(sameGroups(args.groups, want.groups), "forward: the rows are the formula's");
  if (args.mask) require(sameBytes(args.mask, want.mask), "forward: the mask is the formula's");
  for (const auto& backend : backends()) {
    std::vector<float> in_place = input;
    std::vector<uint32_t> mask(want.mask.size());
    std::vector<jumpout_group> groups = counts;
    jumpout_forward_args other = args;
    other.input = other.output = in_place.data();
    other.mask = mask.data();
    other.groups = groups.data();
    backend->forward(other);
    require(same(in_place.data(), want.output) && mask == want.mask && sameGroups(groups.data(), want.groups),
            std::string("forward gives the same bits on ") + backend->isa().name);
  }
  verifyGradients(args, want);
  if (!args.counted && args.length) verifyShards(args, input, cut % (args.length + 1), want);
}

inline void callCount(Arena& arena, const jumpout_count_args& args, int mode) {
  if (!made(arena, args, mode, jumpout_count_active)) return;
  std::vector<jumpout_group> want(args.group_count, jumpout_group{});
  std::vector<jumpout_group> got = copyOf(args.groups, args.group_count);
  const uint64_t first = jumpout::groupOf(args.layout, args.layout.element_offset);
  for (size_t i = 0; i < args.length; ++i) {
    jumpout_group& group = want[jumpout::groupOf(args.layout, args.layout.element_offset + i) - first];
    group.active += arena.before(args.input)[i] > 0.0f;
    group.total += 1.0;
  }
  for (size_t row = 0; row < want.size(); ++row)
    require(got[row].active == want[row].active && got[row].total == want[row].total, "count: a row");
}

}  // namespace fuzz
