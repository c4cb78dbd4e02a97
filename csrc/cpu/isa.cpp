#include "cpu/isa.hpp"

#include <iterator>

#if defined(__linux__)
#include <unistd.h>
#endif
#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace jumpout::cpu {
namespace {

[[maybe_unused]] bool always() { return true; }

#if defined(JUMPOUT_SIMDE)
bool hasAvx512() { return true; }
#elif defined(_M_X64)
// What the processor has (CPUID leaf 7) counts only if the system saves those registers (XCR0).
bool hasLeaf7(int bits, unsigned long long state) {
  int leaf1[4], leaf7[4];
  __cpuid(leaf1, 1);
  if (!(leaf1[2] & 1 << 27) || (_xgetbv(0) & state) != state) return false;
  __cpuidex(leaf7, 7, 0);
  return (leaf7[1] & bits) == bits;
}
bool hasAvx2() { return hasLeaf7(1 << 5, 0x6); }
bool hasAvx512() {
  constexpr int kFoundation = 1 << 16, kDq = 1 << 17, kBw = 1 << 30, kVl = static_cast<int>(1u << 31);
  return hasLeaf7(kFoundation | kDq | kBw | kVl, 0xE6);
}
#elif defined(__x86_64__)
bool hasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif
#if defined(__x86_64__)
bool hasAvx2() { return __builtin_cpu_supports("avx2"); }
#endif

// Fastest first.
constexpr Isa kSets[] = {
#if defined(__x86_64__) || defined(_M_X64) || defined(JUMPOUT_SIMDE)
    {"avx512", &kAvx512Kernels, hasAvx512},
#endif
#if defined(__x86_64__) || defined(_M_X64)
    {"avx2", &kAvx2Kernels, hasAvx2},
#endif
#if defined(__aarch64__) || defined(_M_ARM64)
    {"neon", &kNeonKernels, always},
#endif
    {"scalar", &kScalarKernels, always},
};

}  // namespace

const Isa& bestIsa() {
  for (const Isa& set : kSets)
    if (set.supported()) return set;
  return kSets[std::size(kSets) - 1];
}

const Isa* findIsa(std::string_view name) {
  for (const Isa& set : kSets)
    if (name == set.name) return set.supported() ? &set : nullptr;
  return nullptr;
}

size_t lastLevelCacheBytes() {
#if defined(__linux__) && defined(_SC_LEVEL3_CACHE_SIZE)
  const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (bytes > 0) return static_cast<size_t>(bytes);
#endif
  return size_t{16} << 20;
}

}  // namespace jumpout::cpu
