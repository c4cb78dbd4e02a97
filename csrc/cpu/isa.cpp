#include "cpu/isa.hpp"

#include <algorithm>

#if defined(__linux__)
#include <unistd.h>
#endif

#include "cpu/x86_leaves.hpp"

namespace jumpout::cpu {
namespace {

[[maybe_unused]] bool always() { return true; }

#if defined(JUMPOUT_SIMDE)
bool runsAvx512() { return true; }
#elif defined(__x86_64__) || defined(_M_X64)
bool runsAvx512() { return hasAvx512(readLeaves()); }
#endif
#if defined(__x86_64__) || defined(_M_X64)
bool runsAvx2() { return hasAvx2(readLeaves()); }
#endif

// Fastest first; the last runs anywhere.
constexpr Isa kSets[] = {
#if defined(__x86_64__) || defined(_M_X64) || defined(JUMPOUT_SIMDE)
    {"avx512", &kAvx512Kernels, runsAvx512},
#endif
#if defined(__x86_64__) || defined(_M_X64)
    {"avx2", &kAvx2Kernels, runsAvx2},
#endif
#if defined(__aarch64__) || defined(_M_ARM64)
    {"neon", &kNeonKernels, always},
#endif
    {"scalar", &kScalarKernels, always},
};

}  // namespace

const Isa& bestIsa() {
  return *std::ranges::find_if(kSets, [](const Isa& set) { return set.supported(); });
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
