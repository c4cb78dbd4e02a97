// The vector interface of kernels_impl.hpp on AVX-512 (F, BW, VL, DQ): eight blocks, 64 elements, two mask words at a time.
#pragma once

#if defined(JUMPOUT_SIMDE)
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
// Intrinsics that SIMDe 0.7 lacks.
using __mmask16 = simde__mmask16;
using __mmask32 = simde__mmask32;
#define _mm512_stream_ps _mm512_storeu_ps
#define _mm512_kunpackw(high, low) (static_cast<__mmask32>(high) << 16 | (low))
#define _mm512_kunpackd(high, low) (static_cast<uint64_t>(high) << 32 | (low))
#define _mm512_mask_cmp_ps_mask(kept, a, b, predicate) \
  static_cast<__mmask16>((kept) & _mm512_cmp_ps_mask(a, b, predicate))
#else
#include <immintrin.h>
#endif

#include "cpu/kernels_impl.hpp"

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own intrinsics start from deliberately undefined registers (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace jumpout::cpu {
namespace {

struct Avx512 {
  using Wide = __m512i;
  using Floats = __m512;
  using Bits = uint64_t;
  struct Decisions {
    __mmask32 low, high;  // one bit per element
  };
  using Threshold = __m512i;
  static constexpr size_t kLanes = 8;
  static constexpr size_t kInterleave = 4;
  static constexpr bool kStreams = true;
  static constexpr size_t kVectorAlignment = sizeof(Floats);

  static Wide broadcast(uint64_t value) { return _mm512_set1_epi64(static_cast<long long>(value)); }
  // Blocks 0-3 in the even lanes, 4-7 in the odd ones: unpacking then leaves each half's decisions in element order.
  static Wide blockOrder() { return _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7); }
  static Wide add(Wide a, Wide b) { return _mm512_add_epi64(a, b); }
  static Wide multiply(Wide a, Wide b) { return _mm512_mul_epu32(a, b); }
  static Wide highToLow(Wide a) { return _mm512_srli_epi64(a, 32); }
  static Wide lowToHigh(Wide a) { return _mm512_slli_epi64(a, 32); }
  static Wide exclusiveOr(Wide a, Wide b) { return _mm512_xor_si512(a, b); }
  static Wide exclusiveOr(Wide a, Wide b, Wide c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }

  static Floats broadcastFloat(float value) { return _mm512_set1_ps(value); }
  static Floats loadFloats(const float* p) { return _mm512_loadu_ps(p); }
  static Threshold threshold(uint32_t value) { return _mm512_set1_epi16(static_cast<short>(value)); }

  static Decisions decide(Wide words01, Wide words23, Threshold limit) {
    const Halves lanes = unpack(words01, words23);
    return {_mm512_cmpge_epu16_mask(lanes.first, limit), _mm512_cmpge_epu16_mask(lanes.second, limit)};
  }
  static Decisions decideLanes(const uint16_t* lanes, const uint16_t* thresholds) {
    return {_mm512_cmpge_epu16_mask(_mm512_loadu_si512(lanes), _mm512_loadu_si512(thresholds)),
            _mm512_cmpge_epu16_mask(_mm512_loadu_si512(lanes + 32), _mm512_loadu_si512(thresholds + 32))};
  }
  static Decisions fromBits(Bits bits) {
    return {static_cast<__mmask32>(bits), static_cast<__mmask32>(bits >> 32)};
  }
  static Bits toBits(Decisions keep) { return _mm512_kunpackd(keep.high, keep.low); }
  static void storeLanes(Wide words01, Wide words23, uint16_t* lanes) {
    const Halves halves = unpack(words01, words23);
    _mm512_storeu_si512(lanes, halves.first);
    _mm512_storeu_si512(lanes + 32, halves.second);
  }

  template <Gate gate, Stores stores, class Scale>
  static Bits apply(Decisions keep, const float* input, const float* partner, const Scale& scale,
                    float* output) {
    // In mask registers throughout: moves to others and back take the ports that Philox needs.
    const auto quarter = [&](__mmask16 kept, size_t first) {
      const __m512 x = _mm512_loadu_ps(input + first);
      if constexpr (gate == Gate::kPositiveInput)
        kept = _mm512_mask_cmp_ps_mask(kept, x, _mm512_setzero_ps(), _CMP_GT_OQ);
      if constexpr (gate == Gate::kNonzeroPartner)
        kept =
            _mm512_mask_cmp_ps_mask(kept, _mm512_loadu_ps(partner + first), _mm512_setzero_ps(), _CMP_NEQ_UQ);
      const __m512 y = _mm512_maskz_mul_ps(kept, x, scale.at(first));
      if constexpr (stores == Stores::kCached) _mm512_storeu_ps(output + first, y);
      if constexpr (stores == Stores::kVectors) _mm512_stream_ps(output + first, y);
      if constexpr (stores == Stores::kPieces) streamPieces(output + first, y);
      return kept;
    };
    const auto half = [&](__mmask32 kept, size_t first) {
      const __mmask16 low = quarter(static_cast<__mmask16>(kept), first);
      const __mmask16 high = quarter(static_cast<__mmask16>(_kshiftri_mask32(kept, 16)), first + 16);
      return _mm512_kunpackw(high, low);
    };
    const __mmask32 low = half(keep.low, 0), high = half(keep.high, 32);
    return _mm512_kunpackd(high, low);
  }
  static void fence() { _mm_sfence(); }

 private:
  static void streamPieces(float* p, __m512 y) {
    _mm_stream_ps(p, _mm512_castps512_ps128(y));
    _mm_stream_ps(p + 4, _mm512_extractf32x4_ps(y, 1));
    _mm_stream_ps(p + 8, _mm512_extractf32x4_ps(y, 2));
    _mm_stream_ps(p + 12, _mm512_extractf32x4_ps(y, 3));
  }
  struct Halves {
    __m512i first, second;  // 32 elements each
  };
  static Halves unpack(Wide words01, Wide words23) {
    // Swaps the halves of every 64-bit lane and interleaves the vectors' lanes, at once.
    const __m512 a = _mm512_castsi512_ps(words01), b = _mm512_castsi512_ps(words23);
    return {_mm512_castps_si512(_mm512_shuffle_ps(a, b, _MM_SHUFFLE(0, 1, 0, 1))),
            _mm512_castps_si512(_mm512_shuffle_ps(a, b, _MM_SHUFFLE(2, 3, 2, 3)))};
  }
};

}  // namespace
}  // namespace jumpout::cpu
