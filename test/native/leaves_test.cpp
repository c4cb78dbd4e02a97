// Which instruction set is chosen from what an x86 processor says: every combination of the bits that count. On x86 also
// that this processor's own choice is what the system lists.
#include <cstdint>
#include <fstream>
#include <set>
#include <sstream>

#include "check.hpp"
#include "cpu/isa.hpp"
#include "cpu/x86_leaves.hpp"

namespace {

using namespace jumpout::cpu;

// By name, as the manuals number them.
struct Bit {
  enum Where { kEcx1, kEbx7, kXcr0 } where;
  int number;
  bool avx2;  // needed for AVX2 too, not for AVX-512 alone
};

constexpr Bit kBits[] = {
    {Bit::kEcx1, 23, true},   // POPCNT
    {Bit::kEcx1, 27, true},   // OSXSAVE
    {Bit::kEcx1, 28, true},   // AVX
    {Bit::kEbx7, 5, true},    // AVX2
    {Bit::kXcr0, 1, true},    // SSE state
    {Bit::kXcr0, 2, true},    // AVX state
    {Bit::kEcx1, 12, false},  // FMA
    {Bit::kEcx1, 29, false},  // F16C
    {Bit::kEbx7, 16, false},  // AVX512F
    {Bit::kEbx7, 17, false},  // AVX512DQ
    {Bit::kEbx7, 30, false},  // AVX512BW
    {Bit::kEbx7, 31, false},  // AVX512VL
    {Bit::kXcr0, 5, false},   // opmask state
    {Bit::kXcr0, 6, false},   // ZMM_Hi256 state
    {Bit::kXcr0, 7, false},   // Hi16_ZMM state
};
constexpr unsigned kCount = std::size(kBits);

// Those of `chosen` set; every other bit of the leaves is `others`.
X86Leaves leavesOf(unsigned chosen, bool others) {
  uint64_t words[3] = {0, 0, 0};
  if (others) words[0] = words[1] = UINT32_MAX, words[2] = UINT64_MAX;
  for (unsigned i = 0; i < kCount; ++i) {
    const uint64_t bit = uint64_t{1} << kBits[i].number;
    uint64_t& word = words[kBits[i].where];
    word = chosen >> i & 1 ? word | bit : word & ~bit;
  }
  return {static_cast<uint32_t>(words[0]), static_cast<uint32_t>(words[1]), words[2]};
}

void everyCombination() {
  unsigned avx2 = 0, all = (1u << kCount) - 1;
  for (unsigned i = 0; i < kCount; ++i) avx2 |= unsigned{kBits[i].avx2} << i;
  for (unsigned chosen = 0; chosen <= all; ++chosen) {
    for (const bool others : {false, true}) {
      const X86Leaves leaves = leavesOf(chosen, others);
      const std::string what = std::to_string(chosen) + (others ? " with all others" : " alone");
      check::that(hasAvx2(leaves) == ((chosen & avx2) == avx2), "AVX2 with " + what);
      check::that(hasAvx512(leaves) == (chosen == all), "AVX-512 with " + what);
    }
  }
  check::that(!hasAvx2({}) && !hasAvx512({}), "a processor without these leaves");
}

// Where Linux lists what it and the processor support; emulators show the list of their host.
void thisProcessor() {
#if defined(__linux__) && defined(__x86_64__) && !defined(JUMPOUT_SIMDE)
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line) && line.rfind("flags", 0) != 0) {
  }
  std::istringstream words(line);
  std::set<std::string> flags;
  for (std::string word; words >> word;) flags.insert(word);
  if (flags.empty()) return;
  const auto has = [&](const char* flag) { return flags.count(flag) == 1; };
  const bool avx512 = has("avx512f") && has("avx512bw") && has("avx512dq") && has("avx512vl");
  const std::string want = avx512 ? "avx512" : has("avx2") ? "avx2" : "scalar";
  check::that(bestIsa().name == want, std::string("chosen: ") + bestIsa().name + ", listed: " + want);
#elif defined(__aarch64__) && !defined(JUMPOUT_SIMDE)
  check::that(bestIsa().name == std::string("neon"), "every 64-bit Arm processor has NEON");
#endif
}

}  // namespace

int main() {
  everyCombination();
  thisProcessor();
  return check::report();
}
