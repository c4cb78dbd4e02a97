// The C API: every argument is checked here, then the backend runs. Nothing is written before all checks have passed.
#include <cmath>
#include <new>
#include <system_error>

#include "core/layout.hpp"
#include "core/philox.hpp"
#include "core/rate.hpp"
#include "dispatch/environment.hpp"

namespace jumpout {
namespace {

struct Extent {
  const void* first;
  size_t bytes;
};

Extent floatsAt(const float* first, size_t length) { return {first, length * sizeof(float)}; }
Extent maskAt(const uint32_t* first, size_t length) {
  return {first, first ? maskWords(length) * sizeof(uint32_t) : 0};
}

bool disjoint(Extent a, Extent b) {
  const uintptr_t a_begin = reinterpret_cast<uintptr_t>(a.first),
                  b_begin = reinterpret_cast<uintptr_t>(b.first);
  return a.bytes == 0 || b.bytes == 0 || a_begin + a.bytes <= b_begin || b_begin + b.bytes <= a_begin;
}

bool sameOrDisjoint(const float* a, const float* b, size_t length) {
  return a == b || disjoint(floatsAt(a, length), floatsAt(b, length));
}

bool misaligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % alignof(float) != 0; }

bool within(double value, double low, double high) { return value >= low && value <= high; }  // false for NaN

jumpout_status checkLayout(const jumpout_layout& layout, size_t length, const jumpout_group* groups,
                           size_t group_count) {
  if (!groups) return JUMPOUT_NULL_POINTER;
  if (layout.unit_size == 0) return JUMPOUT_BAD_LENGTH;
  if (length > SIZE_MAX / sizeof(float) || layout.element_offset > UINT64_MAX - length)
    return JUMPOUT_BAD_LENGTH;
  // One past the last group's end must be a number too.
  if (layout.group_size && layout.group_size > UINT64_MAX - layout.element_offset - length)
    return JUMPOUT_BAD_LENGTH;
  return group_count == groupCount(length, layout) ? JUMPOUT_OK : JUMPOUT_BAD_LENGTH;
}

jumpout_status checkOptions(const jumpout_options& options) {
  const bool rate = std::isnan(options.rate) || within(options.rate, 0.0, kLargestRate);
  const bool finite = std::isfinite(options.sigma) && std::isfinite(options.exponent);
  const bool ordered = within(options.p_min, 0.0, options.p_max) && within(options.p_max, 0.0, kLargestRate);
  const bool ranges =
      options.sigma >= 0.0 && options.exponent >= 0.0 && within(options.max_rate, 0.0, kLargestRate);
  return rate && finite && ordered && ranges ? JUMPOUT_OK : JUMPOUT_BAD_OPTION;
}

bool isCount(double value) { return within(value, 0.0, 0x1p53) && std::floor(value) == value; }

jumpout_status checkCounts(const jumpout_group* groups, size_t group_count, size_t length) {
  for (size_t row = 0; row < group_count; ++row) {
    if (!isCount(groups[row].active) || !isCount(groups[row].total)) return JUMPOUT_BAD_OPTION;
    if (groups[row].active > groups[row].total || (length && groups[row].total == 0.0))
      return JUMPOUT_BAD_OPTION;
  }
  return JUMPOUT_OK;
}

// Without given counts every group must lie whole in the range.
jumpout_status checkWholeGroups(const jumpout_layout& layout, size_t length) {
  const bool whole =
      layout.element_offset == 0 && (layout.group_size == 0 || length % layout.group_size == 0);
  return whole ? JUMPOUT_OK : JUMPOUT_BAD_LENGTH;
}

jumpout_status checkForward(const jumpout_forward_args& args) {
  if (args.length && (!args.input || !args.output)) return JUMPOUT_NULL_POINTER;
  if (misaligned(args.input) || misaligned(args.output) || misaligned(args.mask)) return JUMPOUT_MISALIGNED;
  if (const auto status = checkLayout(args.layout, args.length, args.groups, args.group_count)) return status;
  if (const auto status = checkOptions(args.options)) return status;
  if (args.call >= uint64_t{INT64_MAX}) return JUMPOUT_BAD_OPTION;
  const auto counts = args.counted ? checkCounts(args.groups, args.group_count, args.length)
                                   : checkWholeGroups(args.layout, args.length);
  if (counts) return counts;
  const Extent mask = maskAt(args.mask, args.length);
  const bool apart = sameOrDisjoint(args.input, args.output, args.length) &&
                     disjoint(mask, floatsAt(args.input, args.length)) &&
                     disjoint(mask, floatsAt(args.output, args.length));
  return apart ? JUMPOUT_OK : JUMPOUT_OVERLAP;
}

jumpout_status checkBackward(const jumpout_backward_args& args) {
  const bool needs_output = args.relu && !args.mask;
  if (args.length && (!args.grad_output || !args.grad_input || (needs_output && !args.output)))
    return JUMPOUT_NULL_POINTER;
  if (misaligned(args.grad_output) || misaligned(args.grad_input) || misaligned(args.mask) ||
      misaligned(args.output))
    return JUMPOUT_MISALIGNED;
  if (const auto status = checkLayout(args.layout, args.length, args.groups, args.group_count)) return status;
  if (args.call >= uint64_t{INT64_MAX}) return JUMPOUT_BAD_OPTION;
  for (size_t row = 0; row < args.group_count; ++row)
    if (!within(args.groups[row].effective_rate, 0.0, kLargestRate)) return JUMPOUT_BAD_OPTION;
  const bool apart = sameOrDisjoint(args.grad_output, args.grad_input, args.length) &&
                     (!needs_output || sameOrDisjoint(args.output, args.grad_input, args.length)) &&
                     disjoint(maskAt(args.mask, args.length), floatsAt(args.grad_input, args.length));
  return apart ? JUMPOUT_OK : JUMPOUT_OVERLAP;
}

jumpout_status checkCount(const jumpout_count_args& args) {
  if (args.length && !args.input) return JUMPOUT_NULL_POINTER;
  if (misaligned(args.input)) return JUMPOUT_MISALIGNED;
  return checkLayout(args.layout, args.length, args.groups, args.group_count);
}

// The one frame between checks and backend: nothing is thrown past it.
template <class Args, class Run>
jumpout_status guarded(const Args* args, jumpout_status (*check)(const Args&), Run&& run) noexcept {
  try {
    if (!args) return JUMPOUT_NULL_POINTER;
    const Environment& env = environment();
    if (env.status != JUMPOUT_OK) return env.status;
    if (const jumpout_status status = check(*args)) return status;
    run(*env.cpu);
    return JUMPOUT_OK;
  } catch (const std::bad_alloc&) {
    return JUMPOUT_OUT_OF_MEMORY;
  } catch (const std::system_error&) {
    return JUMPOUT_OUT_OF_MEMORY;
  }
}

}  // namespace
}  // namespace jumpout

using namespace jumpout;

jumpout_options jumpout_default_options(void) {
  jumpout_options options = {};
  options.sigma = 0.1;
  options.p_min = 0.01;
  options.p_max = 0.6;
  options.rate = NAN;
  options.max_rate = 0.6;
  options.exponent = 0.75;
  options.normalize = 1;
  return options;
}

size_t jumpout_group_count(size_t length, const jumpout_layout* layout) {
  return layout ? groupCount(length, *layout) : 0;
}

size_t jumpout_mask_words(size_t length) { return maskWords(length); }

jumpout_status jumpout_forward(const jumpout_forward_args* args) {
  return guarded(args, checkForward, [&](cpu::Backend& backend) { backend.forward(*args); });
}

jumpout_status jumpout_backward(const jumpout_backward_args* args) {
  return guarded(args, checkBackward, [&](cpu::Backend& backend) { backend.backward(*args); });
}

jumpout_status jumpout_count_active(const jumpout_count_args* args) {
  return guarded(args, checkCount, [&](cpu::Backend& backend) { backend.countActive(*args); });
}

uint64_t jumpout_fold_in(uint64_t seed, uint64_t data) { return foldIn(seed, data); }
