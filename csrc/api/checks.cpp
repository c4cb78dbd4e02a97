// The checks of every call, in one order: dtype, addresses, lengths, numbers, overlap, place. Each failure names its field.
#include <cmath>
#include <cstddef>
#include <span>

#include "api/call.hpp"
#include "core/philox.hpp"
#include "core/rate.hpp"
#include "core/raw_number.hpp"
#include "cuda/cuda_support.hpp"

namespace jumpout {
namespace {

// ---- Memory --------------------------------------------------------------------------------------------------------

using Spans = std::span<const Span>;

uintptr_t beginOf(const Span& span) { return reinterpret_cast<uintptr_t>(span.address); }
uintptr_t endOf(const Span& span) { return beginOf(span) + span.bytes; }

jumpout_status checkAddresses(Spans spans) {
  for (const Span& span : spans)
    if (span.needed && !span.address) return failing(JUMPOUT_NULL_POINTER, span.field);
  for (const Span& span : spans)
    if (beginOf(span) % span.alignment) return failing(JUMPOUT_MISALIGNED, span.field);
  return JUMPOUT_OK;
}

// After this check, endOf does not overflow.
jumpout_status checkEnds(Spans spans) {
  for (const Span& span : spans)
    if (span.address && span.bytes > UINTPTR_MAX - beginOf(span))
      return failing(JUMPOUT_BAD_LENGTH, span.field);
  return JUMPOUT_OK;
}

bool mayMeet(const Span& a, const Span& b) {
  if (!a.access.written && !b.access.written) return true;
  if (a.access.elementwise && b.access.elementwise && a.address == b.address) return true;
  const bool absent = !a.address || !b.address || !a.bytes || !b.bytes;
  return absent || endOf(a) <= beginOf(b) || endOf(b) <= beginOf(a);
}

jumpout_status checkOverlap(Spans spans) {
  for (const Span& later : spans)
    for (const Span* earlier = spans.data(); earlier != &later; ++earlier)
      if (!mayMeet(*earlier, later)) return failing(JUMPOUT_OVERLAP, later.field);
  return JUMPOUT_OK;
}

// ---- Numbers -------------------------------------------------------------------------------------------------------

bool within(double value, double low, double high) {  // false for NaN
  return value >= low && value <= high;
}

// Doubles count elements exactly up to here.
constexpr double kMostElements = 0x1p53;

jumpout_status checkDtype(const jumpout_dtype& dtype) {
  return rawNumber(dtype) < kFloatingDtypes ? JUMPOUT_OK : failing(JUMPOUT_BAD_OPTION, "dtype");
}

template <class Args>
jumpout_status checkLength(const Args& args) {
  return args.length > SIZE_MAX / elementBytes(args) ? failing(JUMPOUT_BAD_LENGTH, "length") : JUMPOUT_OK;
}

template <class Args>
jumpout_status checkLayout(const Args& args) {
  const jumpout_layout& layout = args.layout;
  const size_t length = args.length;
  if (layout.unit_size == 0) return failing(JUMPOUT_BAD_LENGTH, "layout.unit_size");
  if (const auto status = checkLength(args)) return status;
  if (layout.element_offset > UINT64_MAX - length)
    return failing(JUMPOUT_BAD_LENGTH, "layout.element_offset");
  // The end of the last group must not overflow either.
  if (layout.group_size && layout.group_size > UINT64_MAX - layout.element_offset - length)
    return failing(JUMPOUT_BAD_LENGTH, "layout.group_size");
  // A sample, whose size is the product, must be countable.
  if (layout.channels > UINT64_MAX / layout.unit_size) return failing(JUMPOUT_BAD_LENGTH, "layout.channels");
  return args.group_count == groupCount(length, layout) ? JUMPOUT_OK
                                                        : failing(JUMPOUT_BAD_LENGTH, "group_count");
}

// If counts are not given, the range must consist of whole groups.
jumpout_status checkWholeGroups(const jumpout_layout& layout, size_t length) {
  if (layout.element_offset) return failing(JUMPOUT_BAD_LENGTH, "layout.element_offset");
  if (layout.group_size && length % layout.group_size) return failing(JUMPOUT_BAD_LENGTH, "length");
  return JUMPOUT_OK;
}

jumpout_status checkOptions(const jumpout_options& options) {
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

jumpout_status checkCallNumber(uint64_t call) {
  return call <= kLastCall ? JUMPOUT_OK : failing(JUMPOUT_BAD_OPTION, "call");
}

bool isCount(double value) { return within(value, 0.0, kMostElements) && std::floor(value) == value; }

jumpout_status checkCounts(const jumpout_forward_args& args) {
  for (const jumpout_group& group : std::span(args.groups, args.group_count))
    if (!isCount(group.active) || !isCount(group.total) || group.active > group.total)
      return failing(JUMPOUT_BAD_OPTION, "groups");
  if (args.length == 0) return JUMPOUT_OK;
  const auto size = static_cast<double>(args.layout.group_size);
  for (const jumpout_group& group : std::span(args.groups, args.group_count))
    if (size != 0.0 ? group.total != size : group.total < static_cast<double>(args.length))
      return failing(JUMPOUT_BAD_LENGTH, "groups");
  return JUMPOUT_OK;
}

// Without groups a shard's total is at least its length; an input that is counted here is the whole tensor.
jumpout_status checkTotal(const jumpout_device_forward_args& args) {
  if (args.total == 0) return JUMPOUT_OK;
  if (args.total > static_cast<uint64_t>(kMostElements)) return failing(JUMPOUT_BAD_OPTION, "total");
  const bool fits = args.layout.group_size                ? args.total == args.layout.group_size
                    : args.active || args.all_active != 0 ? args.total >= args.length
                                                          : args.total == args.length;
  return fits ? JUMPOUT_OK : failing(JUMPOUT_BAD_LENGTH, "total");
}

jumpout_status checkNumbers(const jumpout_forward_args& args) {
  if (const auto status = checkOptions(args.options)) return status;
  if (const auto status = checkCallNumber(args.call)) return status;
  return args.counted ? checkCounts(args) : checkWholeGroups(args.layout, args.length);
}

jumpout_status checkNumbers(const jumpout_backward_args& args) {
  if (const auto status = checkCallNumber(args.call)) return status;
  for (const jumpout_group& group : std::span(args.groups, args.group_count))
    if (!within(group.effective_rate, 0.0, kLargestRate)) return failing(JUMPOUT_BAD_OPTION, "groups");
  return JUMPOUT_OK;
}

jumpout_status checkNumbers(const jumpout_device_forward_args& args) {
  if (const auto status = checkOptions(args.options)) return status;
  if (!args.call_counter)
    if (const auto status = checkCallNumber(args.call)) return status;
  if (args.active && args.all_active) return failing(JUMPOUT_BAD_OPTION, "all_active");
  if (!args.active && !args.all_active)
    if (const auto status = checkWholeGroups(args.layout, args.length)) return status;
  return checkTotal(args);
}

}  // namespace

template <class Args>
jumpout_status check(const Args& args) {
  constexpr bool on_device = requires { args.stream; };
  constexpr bool has_layout = requires { args.layout; };
  if constexpr (on_device) {
    if (const auto status = cuda::support().status) return failing(status);
    if (const auto status = checkDtype(args.dtype)) return status;
  }
  if constexpr (!has_layout)
    if (const auto status = checkLength(args)) return status;
  const auto spans = spansOf(args);
  // Pointers stand before all numbers; each of them, except the stream, must be a span.
  static_assert((spans.size() + on_device) * sizeof(void*) == offsetof(Args, length));
  if (const auto status = checkAddresses(spans)) return status;
  if constexpr (has_layout)
    if (const auto status = checkLayout(args)) return status;
  if (const auto status = checkEnds(spans)) return status;
  if constexpr (requires { checkNumbers(args); })
    if (const auto status = checkNumbers(args)) return status;
  if (const auto status = checkOverlap(spans)) return status;
  if constexpr (on_device) return cuda::checkPlace(args.device, args.stream);
  return JUMPOUT_OK;
}

template jumpout_status check(const jumpout_forward_args&);
template jumpout_status check(const jumpout_backward_args&);
template jumpout_status check(const jumpout_count_args&);
template jumpout_status check(const IdentityArgs&);
template jumpout_status check(const WidenArgs&);
template jumpout_status check(const NarrowArgs&);
template jumpout_status check(const jumpout_device_forward_args&);
template jumpout_status check(const jumpout_device_backward_args&);
template jumpout_status check(const jumpout_device_count_args&);
template jumpout_status check(const jumpout_device_identity_args&);

}  // namespace jumpout
