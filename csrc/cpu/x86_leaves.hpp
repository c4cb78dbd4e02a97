// What an x86 processor says of itself, and which of the kernels' files that is enough for. CPUID is asked directly: the
// answer of __builtin_cpu_supports depends on a runtime library that not every toolchain brings.
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace jumpout::cpu {

// Zero where the processor has no such leaf.
struct X86Leaves {
  uint32_t ecx1 = 0;  // leaf 1
  uint32_t ebx7 = 0;  // leaf 7
  uint64_t xcr0 = 0;  // the registers that the system saves
};

constexpr bool hasAll(uint64_t bits, uint64_t wanted) { return (bits & wanted) == wanted; }

// What kernels_avx2.cpp is compiled for (CMakeLists.txt), with what -mavx2 implies.
constexpr bool hasAvx2(const X86Leaves& leaves) {
  constexpr uint32_t kPopcnt = 1u << 23, kOsxsave = 1u << 27, kAvx = 1u << 28;
  constexpr uint32_t kAvx2 = 1u << 5;
  constexpr uint64_t kXmm = 1u << 1, kYmm = 1u << 2;
  return hasAll(leaves.ecx1, kPopcnt | kOsxsave | kAvx) && hasAll(leaves.ebx7, kAvx2) &&
         hasAll(leaves.xcr0, kXmm | kYmm);
}

// What kernels_avx512.cpp is compiled for, with what -mavx512f implies.
constexpr bool hasAvx512(const X86Leaves& leaves) {
  constexpr uint32_t kFma = 1u << 12, kF16c = 1u << 29;
  constexpr uint32_t kFoundation = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;
  constexpr uint64_t kMasks = 1u << 5, kUpperHalves = 1u << 6, kUpperRegisters = 1u << 7;
  return hasAvx2(leaves) && hasAll(leaves.ecx1, kFma | kF16c) &&
         hasAll(leaves.ebx7, kFoundation | kDq | kBw | kVl) &&
         hasAll(leaves.xcr0, kMasks | kUpperHalves | kUpperRegisters);
}

#if defined(__x86_64__) || defined(_M_X64)
inline X86Leaves readLeaves() {
  X86Leaves leaves;
#if defined(_MSC_VER)
  int highest[4], leaf1[4], leaf7[4] = {};
  __cpuid(highest, 0);
  __cpuid(leaf1, 1);
  if (highest[0] >= 7) __cpuidex(leaf7, 7, 0);
  leaves.ecx1 = static_cast<uint32_t>(leaf1[2]);
  leaves.ebx7 = static_cast<uint32_t>(leaf7[1]);
#else
  unsigned eax, ebx, ecx, edx;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) leaves.ecx1 = ecx;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) leaves.ebx7 = ebx;
#endif
  if (!(leaves.ecx1 & 1u << 27)) return leaves;  // no XGETBV
#if defined(_MSC_VER)
  leaves.xcr0 = _xgetbv(0);
#else
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  leaves.xcr0 = uint64_t{high} << 32 | low;
#endif
#if defined(__APPLE__)
  leaves.xcr0 |= 0xE0;  // macOS saves the registers of AVX-512 from their first use on
#endif
  return leaves;
}
#endif

}  // namespace jumpout::cpu
