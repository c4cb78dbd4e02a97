// Every check of memory, tried on every array of a call. Made from the struct of arguments and its list of spans: an array
// that is added to both is tried without a word here, and one that is left out of the list does not compile.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "api/spans.hpp"
#include "check.hpp"

namespace spans {

using jumpout::Span;

inline constexpr size_t kRoom = 1024;  // for each array: more than it needs
inline constexpr size_t kMostArrays = 8;
inline constexpr size_t kLength = 64;

// Calls change(address) for every pointer of the struct: they stand before its numbers.
template <class Args, class Change>
void forEachPointer(Args& args, const Change& change) {
  for (size_t at = 0; at < offsetof(Args, length); at += sizeof(void*)) {
    auto* const place = reinterpret_cast<char*>(&args) + at;
    uintptr_t address;
    std::memcpy(&address, place, sizeof address);
    change(address);
    std::memcpy(place, &address, sizeof address);
  }
}

// With room for every array. `memory`: kRoom * kMostArrays zeros, aligned to 64 bytes.
template <class Args>
Args given(void* memory) {
  Args args = {};
  auto next = reinterpret_cast<uintptr_t>(memory);
  forEachPointer(args, [&](uintptr_t& pointer) { pointer = next, next += kRoom; });
  args.length = kLength;
  if constexpr (requires { args.stream; }) args.stream = nullptr;
  if constexpr (requires { args.layout; }) args.group_count = args.layout.unit_size = 1;
  if constexpr (requires { args.options; }) args.options = jumpout_default_options();
  return args;
}

template <class Args>
Args moved(Args args, const Span& span, uintptr_t address) {
  forEachPointer(args, [&](uintptr_t& pointer) {
    if (pointer == reinterpret_cast<uintptr_t>(span.address)) pointer = address;
  });
  return args;
}

// `variants`: accepted calls, with every array in use in one of them. `run`: the function of the C API.
template <class Args, class Run>
void checksFire(const std::string& call, const std::vector<Args>& variants, const Run& run) {
  const auto expect = [&](const Args& args, jumpout_status want, const std::string& field) {
    const jumpout_status got = run(args);
    check::that(
        got == want && (want == JUMPOUT_OK || jumpout_status_field() == field),
        call + ", " + field + ": status " + std::to_string(got) + ", expected " + std::to_string(want));
  };
  std::vector<bool> tried(jumpout::spansOf(variants[0]).size());
  for (const Args& args : variants) {
    const auto all = jumpout::spansOf(args);
    for (size_t i = 0; i < all.size(); ++i) {
      const Span& span = all[i];
      if (!span.address || !span.bytes) continue;
      tried[i] = true;
      const auto address = reinterpret_cast<uintptr_t>(span.address);
      expect(moved(args, span, 0), span.needed ? JUMPOUT_NULL_POINTER : JUMPOUT_OK, span.field);
      expect(moved(args, span, address + 1), JUMPOUT_MISALIGNED, span.field);
      expect(moved(args, span, 0 - span.alignment), JUMPOUT_BAD_LENGTH, span.field);
      for (size_t j = 0; j < all.size(); ++j) {
        const Span& other = all[j];
        if (i == j || !other.address || !other.bytes || !(span.access.written || other.access.written))
          continue;
        const auto place = reinterpret_cast<uintptr_t>(other.address);
        const bool in_place = span.access.elementwise && other.access.elementwise;
        const char* const later = all[std::max(i, j)].field;
        expect(moved(args, span, place + (in_place ? span.alignment : 0)), JUMPOUT_OVERLAP, later);
        expect(moved(args, span, place), in_place ? JUMPOUT_OK : JUMPOUT_OVERLAP, later);
      }
    }
    expect(args, JUMPOUT_OK, "as it is");
  }
  for (size_t i = 0; i < tried.size(); ++i)
    check::that(tried[i], call + ": a variant uses span " + std::to_string(i));
}

// Backward uses a mask, or draws it again and asks the output.
template <class Args>
std::vector<Args> backwards(void* memory) {
  Args with_mask = given<Args>(memory), from_seed = with_mask;
  from_seed.mask = nullptr;
  from_seed.relu = 1;
  return {with_mask, from_seed};
}

}  // namespace spans
