// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), the generator behind every draw.
#pragma once

#include <cstdint>

#include "core/host_device.hpp"

namespace jumpout {

namespace philox {
inline constexpr uint32_t kMultiplier0 = 0xD2511F53u;
inline constexpr uint32_t kMultiplier1 = 0xCD9E8D57u;
inline constexpr uint32_t kWeyl0 = 0x9E3779B9u;
inline constexpr uint32_t kWeyl1 = 0xBB67AE85u;
inline constexpr int kRounds = 10;
}  // namespace philox

struct PhiloxWords {
  uint32_t word[4];
};

JUMPOUT_HD constexpr uint32_t lowWord(uint64_t value) { return static_cast<uint32_t>(value); }
JUMPOUT_HD constexpr uint32_t highWord(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

// The 128-bit counter is (block, subsequence), as cuRAND lays it out: curand_init(key, subsequence, 4 * block).
// keyOf(round, half) gives the round's key words, so that a kernel may precompute them.
template <class KeyOf>
JUMPOUT_HD inline PhiloxWords philoxRounds(uint64_t subsequence, uint64_t block, const KeyOf& keyOf) {
  uint32_t c0 = lowWord(block), c1 = highWord(block), c2 = lowWord(subsequence), c3 = highWord(subsequence);
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
  for (int round = 0; round < philox::kRounds; ++round) {
    const uint64_t product0 = static_cast<uint64_t>(philox::kMultiplier0) * c0;
    const uint64_t product1 = static_cast<uint64_t>(philox::kMultiplier1) * c2;
    c0 = highWord(product1) ^ c1 ^ keyOf(round, 0);
    c1 = lowWord(product1);
    c2 = highWord(product0) ^ c3 ^ keyOf(round, 1);
    c3 = lowWord(product0);
  }
  return {{c0, c1, c2, c3}};
}

JUMPOUT_HD constexpr uint32_t philoxKey(uint64_t key, int round, int half) {
  return half == 0 ? lowWord(key) + static_cast<uint32_t>(round) * philox::kWeyl0
                   : highWord(key) + static_cast<uint32_t>(round) * philox::kWeyl1;
}

// A functor rather than a lambda: device code may call it without further flags.
struct PhiloxKey {
  uint64_t key;
  JUMPOUT_HD constexpr uint32_t operator()(int round, int half) const { return philoxKey(key, round, half); }
};

JUMPOUT_HD inline PhiloxWords philox4x32_10(uint64_t key, uint64_t subsequence, uint64_t block) {
  return philoxRounds(subsequence, block, PhiloxKey{key});
}

// Each forward call owns two subsequences of its seed: one for the keep decisions, one for the base rates.
JUMPOUT_HD constexpr uint64_t keepSubsequence(uint64_t call) { return 2 * call; }
JUMPOUT_HD constexpr uint64_t rateSubsequence(uint64_t call) { return 2 * call + 1; }

inline constexpr uint64_t kLastCall = (uint64_t{1} << 63) - 2;
// Reached by no call.
inline constexpr uint64_t kFoldSubsequence = ~uint64_t{0};

JUMPOUT_HD inline uint64_t foldIn(uint64_t seed, uint64_t data) {
  const PhiloxWords r = philox4x32_10(seed, kFoldSubsequence, data);
  return r.word[0] | static_cast<uint64_t>(r.word[1]) << 32;
}

}  // namespace jumpout
