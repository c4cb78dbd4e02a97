// The vector interface of kernels_impl.hpp on AVX2: four blocks, 32 elements, one mask word at a time.
#pragma once

#include <immintrin.h>

#include "cpu/kernels_impl.hpp"

namespace jumpout::cpu {
namespace {

struct Avx2 {
  using Wide = __m256i;
  using Floats = __m256;
  using Bits = uint32_t;
  using Decisions = __m256i;  // one byte per element, 0xFF: keep
  using Threshold = __m256i;
  static constexpr size_t kLanes = 4;
  static constexpr size_t kInterleave = 2;
  static constexpr bool kStreams = true;
  static constexpr size_t kVectorAlignment = sizeof(Floats);

  static Wide broadcast(uint64_t value) { return _mm256_set1_epi64x(static_cast<long long>(value)); }
  static Wide blockOrder() { return _mm256_setr_epi64x(0, 1, 2, 3); }
  static Wide add(Wide a, Wide b) { return _mm256_add_epi64(a, b); }
  static Wide multiply(Wide a, Wide b) { return _mm256_mul_epu32(a, b); }
  static Wide highToLow(Wide a) { return _mm256_srli_epi64(a, 32); }
  static Wide lowToHigh(Wide a) { return _mm256_slli_epi64(a, 32); }
  static Wide exclusiveOr(Wide a, Wide b) { return _mm256_xor_si256(a, b); }
  static Wide exclusiveOr(Wide a, Wide b, Wide c) { return _mm256_xor_si256(a, _mm256_xor_si256(b, c)); }

  static Floats broadcastFloat(float value) { return _mm256_set1_ps(value); }
  static Floats loadFloats(const float* p) { return _mm256_loadu_ps(p); }
  static Threshold threshold(uint32_t value) { return _mm256_set1_epi16(static_cast<short>(value)); }

  static __m256i atLeast(__m256i lanes, __m256i limit) {
    return _mm256_cmpeq_epi16(_mm256_max_epu16(lanes, limit), lanes);
  }
  static Decisions decide(Wide words01, Wide words23, Threshold limit) {
    const __m256i bytes = _mm256_packs_epi16(atLeast(words01, limit), atLeast(words23, limit));
    // Within 16 bytes: words r1 r0 of two blocks, then r3 r2 of the same two; elements come in the order r0 r1 r2 r3.
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(2, 3, 0, 1, 10, 11, 8, 9, 6, 7, 4, 5, 14, 15, 12, 13));
    return _mm256_shuffle_epi8(bytes, order);
  }
  static Decisions decideLanes(const uint16_t* lanes, const uint16_t* thresholds) {
    const __m256i low = atLeast(load(lanes), load(thresholds));
    const __m256i high = atLeast(load(lanes + 16), load(thresholds + 16));
    return _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), _MM_SHUFFLE(3, 1, 2, 0));
  }
  static Decisions fromBits(Bits bits) {
    const __m256i select_byte =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i select_bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
    const __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), select_byte);
    return _mm256_cmpeq_epi8(_mm256_and_si256(spread, select_bit), select_bit);
  }
  static Bits toBits(Decisions keep) { return static_cast<Bits>(_mm256_movemask_epi8(keep)); }
  static void storeLanes(Wide words01, Wide words23, uint16_t* lanes) {
    const __m256i r01 = _mm256_shuffle_epi32(words01, _MM_SHUFFLE(2, 3, 0, 1));
    const __m256i r23 = _mm256_shuffle_epi32(words23, _MM_SHUFFLE(2, 3, 0, 1));
    const __m256i even = _mm256_unpacklo_epi64(r01, r23), odd = _mm256_unpackhi_epi64(r01, r23);
    store(lanes, _mm256_permute2x128_si256(even, odd, 0x20));
    store(lanes + 16, _mm256_permute2x128_si256(even, odd, 0x31));
  }

  template <Gate gate, Stores stores, class Scale>
  static Bits apply(Decisions keep, const float* input, const float* partner, const Scale& scale,
                    float* output) {
    const __m128i low = _mm256_castsi256_si128(keep), high = _mm256_extracti128_si256(keep, 1);
    Bits bits = 0;
    bits |= applyEight<gate, stores, 0>(low, input, partner, scale, output);
    bits |= applyEight<gate, stores, 8>(_mm_unpackhi_epi64(low, low), input, partner, scale, output);
    bits |= applyEight<gate, stores, 16>(high, input, partner, scale, output);
    bits |= applyEight<gate, stores, 24>(_mm_unpackhi_epi64(high, high), input, partner, scale, output);
    if constexpr (gate == Gate::kNone) bits = toBits(keep);
    return bits;
  }
  static void fence() { _mm_sfence(); }

 private:
  static __m256i load(const uint16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void store(uint16_t* p, __m256i v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }

  static void streamPieces(float* p, __m256 y) {
    _mm_stream_ps(p, _mm256_castps256_ps128(y));
    _mm_stream_ps(p + 4, _mm256_extractf128_ps(y, 1));
  }

  template <Gate gate, Stores stores, size_t first, class Scale>
  static Bits applyEight(__m128i keep, const float* input, const float* partner, const Scale& scale,
                         float* output) {
    __m256 kept = _mm256_castsi256_ps(_mm256_cvtepi8_epi32(keep));
    const __m256 x = _mm256_loadu_ps(input + first);
    if constexpr (gate == Gate::kPositiveInput)
      kept = _mm256_and_ps(kept, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ));
    if constexpr (gate == Gate::kNonzeroPartner)
      kept = _mm256_and_ps(kept,
                           _mm256_cmp_ps(_mm256_loadu_ps(partner + first), _mm256_setzero_ps(), _CMP_NEQ_UQ));
    const __m256 y = _mm256_and_ps(_mm256_mul_ps(x, scale.at(first)), kept);
    if constexpr (stores == Stores::kCached) _mm256_storeu_ps(output + first, y);
    if constexpr (stores == Stores::kVectors) _mm256_stream_ps(output + first, y);
    if constexpr (stores == Stores::kPieces) streamPieces(output + first, y);
    if constexpr (gate == Gate::kNone) return 0;
    return static_cast<Bits>(_mm256_movemask_ps(kept)) << first;
  }
};

}  // namespace
}  // namespace jumpout::cpu
