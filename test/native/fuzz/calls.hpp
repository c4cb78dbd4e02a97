// Arguments of calls out of the fuzzer's bytes, right ones and wrong ones, and how a call is made that may be refused.
#pragma once

#include <cfenv>

#include "../spans.hpp"
#include "api/call.hpp"
#include "core/philox.hpp"
#include "fuzz.hpp"

namespace fuzz {

inline constexpr size_t kMostElements =
    9500;  // more than any buffer of a kernel, and two tensors fit into the arena

inline size_t lengthOf(Bytes& in) {
  return in.oneIn(16) ? in.integer(0) : in.below(in.oneIn(8) ? kMostElements : 256);
}

inline jumpout_layout layoutOf(Bytes& in, size_t length) {
  jumpout_layout layout = {0, 0, 1, 0};
  if (in.oneIn(2)) layout.group_size = in.oneIn(2) ? length / (1 + in.below(9)) : in.integer(0);
  if (in.oneIn(2)) layout.unit_size = in.integer(1);
  if (in.oneIn(2)) layout.channels = in.integer(0);
  if (in.oneIn(3)) layout.element_offset = in.integer(0);
  return layout;
}

inline jumpout_options optionsOf(Bytes& in) {
  jumpout_options options = jumpout_default_options();
  if (in.oneIn(2)) options.relu = in.take<int32_t>();
  if (in.oneIn(2)) options.normalize = in.take<int32_t>();
  if (in.oneIn(2)) options.exponent = in.real(options.exponent);
  if (in.oneIn(2)) options.rate = in.real(options.rate);
  if (in.oneIn(4)) {
    options.sigma = in.real(options.sigma);
    options.p_min = in.real(options.p_min);
    options.p_max = in.real(options.p_max);
    options.max_rate = in.real(options.max_rate);
  }
  return options;
}

inline int modeOf(Bytes& in) {
  constexpr int kModes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  return kModes[in.below(std::size(kModes))];
}

inline size_t rowsOf(Bytes& in, size_t length, const jumpout_layout& layout) {
  return in.oneIn(16) ? in.integer(1) : jumpout_group_count(length, &layout);
}

// Any number for an enum, as a C caller may pass it.
template <class Enum>
Enum numbered(Bytes& in, size_t usual) {
  const auto number = static_cast<uint32_t>(in.integer(usual));
  Enum result;
  std::memcpy(&result, &number, sizeof result);
  return result;
}

// One pointer becomes null, misaligned, the end of all addresses, or that of another array, perhaps beside it.
template <class Args>
void spoil(Bytes& in, Args& args) {
  if (!in.oneIn(4)) return;
  constexpr size_t kPointers = offsetof(Args, length) / sizeof(void*);
  uintptr_t all[kPointers];
  size_t at = 0;
  spans::forEachPointer(args, [&](uintptr_t& pointer) { all[at++] = pointer; });
  const size_t changed = in.below(kPointers), other = in.below(kPointers);
  const size_t how = in.below(5);
  const auto by = in.take<int8_t>();
  at = 0;
  spans::forEachPointer(args, [&](uintptr_t& pointer) {
    if (at++ != changed) return;
    switch (how) {
      case 0: pointer = 0; break;
      case 1: pointer += in.below(16); break;
      case 2: pointer = all[other]; break;
      case 3: pointer = all[other] + static_cast<uintptr_t>(intptr_t{by} * 4); break;
      default: pointer = 0 - in.below(16) * 4;
    }
  });
}

inline void fillTensor(uint64_t seed, float* first, size_t length) {
  static const float kSpecial[] = {
      NAN, INFINITY, -INFINITY, -0.0f, 0.0f, 1e-42f, -1e-42f, 1e-38f, std::numeric_limits<float>::max()};
  for (size_t i = 0; i < length; ++i) {
    const uint64_t bits = jumpout::foldIn(seed, i);
    const auto whole = static_cast<int32_t>(bits);
    first[i] = bits >> 60 == 0 ? kSpecial[bits % std::size(kSpecial)] : static_cast<float>(whole) * 0x1p-30f;
  }
}

// One call in a rounding mode of the caller's, which stays as it was.
template <class Call>
jumpout_status inMode(int mode, const Call& call) {
  std::fesetround(mode);
  const jumpout_status status = call();
  const bool kept = std::fegetround() == mode;
  std::fesetround(FE_TONEAREST);
  require(kept, "the caller's rounding mode stays");
  return status;
}

// Whether the rows can be read that the checks of a call read: no check sees that memory is not there.
template <class Memory, class Args>
bool rowsAreThere(const Memory& arena, const Args& args) {
  if constexpr (requires { args.groups; }) {
    if (args.group_count != jumpout_group_count(args.length, &args.layout))
      return true;  // refused before that
    const jumpout::Span rows = jumpout::arrayOf("groups", args.groups, args.group_count, true);
    return arena.holds(rows) || rows.bytes > UINTPTR_MAX - reinterpret_cast<uintptr_t>(rows.address);
  }
  return true;
}

// Makes the call. A refused one writes nothing and names what it refuses; an accepted one writes its own arrays alone.
// Returns whether it was accepted. Calls that lie about their memory, which no check can see, are not made.
template <class Memory, class Args, class Run>
bool made(Memory& arena, const Args& args, int mode, const Run& run) {
  if (!rowsAreThere(arena, args)) return false;
  const jumpout_status expected = jumpout::check(args);
  constexpr bool typed =
      requires { args.dtype; };  // any number is refused before the size of its elements is asked
  decltype(jumpout::spansOf(args)) spans{};
  if (!typed || expected == JUMPOUT_OK) spans = jumpout::spansOf(args);
  if (expected == JUMPOUT_OK && !arena.holds(spans)) return false;
  const jumpout_status status =
      arena.watched(spans, [&] { return inMode(mode, [&] { return run(&args); }); });
  require(status == expected, "a call gives the status of its checks");
  if (status == JUMPOUT_OK) {
    require(arena.unchangedBeside(spans), "a call writes its own arrays alone");
    return true;
  }
  require(arena.unchanged(), "a refused call writes nothing");
  require(*jumpout_status_field() != 0, "a refused call names an argument");
  require(std::string(jumpout_status_text(status)) != "unknown status", "a status has a text");
  return false;
}

}  // namespace fuzz
