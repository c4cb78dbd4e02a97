// The loops over elements that each instruction set provides, as one table of functions per set.
// All sets give the same bits. Ranges start at an element whose mask bit opens a byte; nothing here knows of groups.
#pragma once

#include <cstddef>
#include <cstdint>

namespace jumpout::cpu {

// The further condition for keeping an element, besides its draw.
enum class Gate {
  kNone,
  kPositiveInput,   // forward with ReLU: x > 0
  kNonzeroPartner,  // backward with ReLU from the forward's output: y != 0
};

// The draws of consecutive units, from the first lane of `first_block` on.
struct Draws {
  uint64_t seed;
  uint64_t subsequence;
  uint64_t first_block;
};

// How results are written: through the caches or past them, and there in whole vectors, or in pieces of
// kPieceAlignment bytes, as malloc aligns.
enum class Stores { kCached, kVectors, kPieces };

inline constexpr size_t kPieceAlignment = 16;

struct Range {
  const float* input;    // [length]
  const float* partner;  // [length] for Gate::kNonzeroPartner
  float* output;         // [length]; may be `input`
  uint32_t* mask;        // packed keep decisions, written; or nullptr
  size_t length;
  Stores stores;  // kVectors: `output` is aligned to `Kernels::vector_alignment`
};

struct Kernels {
  // Number of elements > 0.
  uint64_t (*countActive)(const float* input, size_t length);

  // One threshold and one scale for the whole range, drawn, decided and applied in one sweep.
  // Bytes moved per element: 4 read, 4 written, 1/8 of mask written.
  void (*applyDraws)(Gate gate, const Range& range, const Draws& draws, uint32_t threshold, float scale);

  // The same where every element has its own lane, threshold and scale: short groups, channels, shifted shards.
  void (*applyLanes)(Gate gate, const Range& range, const uint16_t* lanes, const uint16_t* thresholds,
                     const float* scales);

  // Packed decisions: backward from a mask, and both passes where channels are interleaved. 4 + 1/8 bytes read, 4 written.
  // One scale, or with `scales` one per element.
  void (*applyMask)(Gate gate, const Range& range, const uint32_t* kept, float scale, const float* scales);

  // The 16-bit lanes of whole blocks, in unit order: 8 * blocks values, rounded up to kLanePadding of them.
  void (*drawLanes)(const Draws& draws, size_t blocks, uint16_t* lanes);

  // Packed decisions for one threshold. Reads and writes `count` of them, rounded up to kDecisionPadding.
  void (*decideLanes)(const uint16_t* lanes, size_t count, uint32_t threshold, uint32_t* kept);

  bool streams;  // has stores that go past the caches
  size_t vector_alignment;
};

inline constexpr size_t kLanePadding = 256;
inline constexpr size_t kDecisionPadding = 64;

extern const Kernels kScalarKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kNeonKernels;

}  // namespace jumpout::cpu
