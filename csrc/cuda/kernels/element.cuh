// Elements of one dtype in registers: 16-byte pieces, and tiles of 256 elements that one warp holds, 8 per lane.
//
// Of a tile in memory a lane holds one or two pieces. Piece p of lane l starts at element (p * 32 + l) * kPerPiece,
// so that every load and store of a warp is contiguous. A lane draws Philox block `blockOfLane` of the tile and
// stores the mask byte of the same number: for 16-bit elements that is the lane's own piece; for float32 a block
// covers the pieces of two neighbouring lanes, which draw one block each and exchange the bytes.
#pragma once

#include "core/float16.hpp"
#include "cuda/kernels/language.cuh"
#include "cuda/kernels/passes.hpp"
#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace jumpout::cuda {

inline constexpr int kTileElements = 256;
inline constexpr int kLaneElements = 8;  // of a tile; as many as a Philox block has lanes

JUMPOUT_HD inline uint64_t tilesOf(const Elements& e) { return ceilDivided(e.length, kTileElements); }

// How many elements of the tile that begins at `element` lie in the tensor.
JUMPOUT_HD inline int validAt(const Elements& e, uint64_t element) {
  const uint64_t left = e.length - element;
  return left < kTileElements ? static_cast<int>(left) : kTileElements;
}

struct Float32 {
  using Storage = float;
  static constexpr int kPieces = 2;
  static constexpr int kPerPiece = 4;

  __device__ static float widen(float value) { return value; }
  __device__ static float narrow(float value) { return value; }
  __device__ static void unpack(uint4 piece, float (&x)[kPerPiece]) {
    x[0] = __uint_as_float(piece.x);
    x[1] = __uint_as_float(piece.y);
    x[2] = __uint_as_float(piece.z);
    x[3] = __uint_as_float(piece.w);
  }
  __device__ static uint4 pack(const float (&x)[kPerPiece]) {
    return make_uint4(__float_as_uint(x[0]), __float_as_uint(x[1]), __float_as_uint(x[2]),
                      __float_as_uint(x[3]));
  }
  __device__ static int blockOfLane(int lane) { return lane / 2 + (lane % 2) * (kWarp / 2); }
};

// What float16 and bfloat16 share; Format converts one value or packs two.
template <class Format>
struct Halves {
  using Storage = uint16_t;
  static constexpr int kPieces = 1;
  static constexpr int kPerPiece = 8;

  __device__ static float widen(uint16_t bits) { return Format::widen(bits); }
  __device__ static uint16_t narrow(float value) { return static_cast<uint16_t>(Format::pack(value, 0.0f)); }
  __device__ static void unpack(uint4 piece, float (&x)[kPerPiece]) {
    const uint32_t words[4] = {piece.x, piece.y, piece.z, piece.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      x[2 * i] = Format::widen(static_cast<uint16_t>(words[i]));
      x[2 * i + 1] = Format::widen(static_cast<uint16_t>(words[i] >> 16));
    }
  }
  __device__ static uint4 pack(const float (&x)[kPerPiece]) {
    return make_uint4(Format::pack(x[0], x[1]), Format::pack(x[2], x[3]), Format::pack(x[4], x[5]),
                      Format::pack(x[6], x[7]));
  }
  __device__ static int blockOfLane(int lane) { return lane; }
};

struct Float16Format {
#if defined(__CUDA_ARCH__)
  __device__ static float widen(uint16_t bits) { return __half2float(__ushort_as_half(bits)); }
  __device__ static uint32_t pack(float low, float high) {
    const __half2 pair = __floats2half2_rn(low, high);
    return static_cast<uint32_t>(__half_as_ushort(pair.x)) | static_cast<uint32_t>(__half_as_ushort(pair.y))
                                                                 << 16;
  }
#else
  __device__ static float widen(uint16_t bits) { return widenFloat16(bits); }
  __device__ static uint32_t pack(float low, float high) {
    return narrowFloat16(low) | static_cast<uint32_t>(narrowFloat16(high)) << 16;
  }
#endif
};

struct BFloat16Format {
  __device__ static float widen(uint16_t bits) { return widenBFloat16(bits); }
#if defined(__CUDA_ARCH__)
  __device__ static uint32_t pack(float low, float high) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return static_cast<uint32_t>(__bfloat16_as_ushort(pair.x)) |
           static_cast<uint32_t>(__bfloat16_as_ushort(pair.y)) << 16;
  }
#else
  __device__ static uint32_t pack(float low, float high) {
    return narrowBFloat16(low) | static_cast<uint32_t>(narrowBFloat16(high)) << 16;
  }
#endif
};

using Float16 = Halves<Float16Format>;
using BFloat16 = Halves<BFloat16Format>;

// One lane's part of a tile.
template <class E>
struct LaneTile {
  uint4 piece[E::kPieces];
};

template <class E>
__device__ inline int pieceStart(int piece, int lane) {
  return (piece * kWarp + lane) * E::kPerPiece;
}

// Streaming: evicted first from the second-level cache, which thus keeps the input that is still to be read.
template <class E, bool kStreaming = false>
__device__ inline LaneTile<E> loadTile(const typename E::Storage* tile, int lane) {
  LaneTile<E> loaded;
#pragma unroll
  for (int p = 0; p < E::kPieces; ++p) {
    const uint4* const from = reinterpret_cast<const uint4*>(tile) + p * kWarp + lane;
    loaded.piece[p] = kStreaming ? __ldcs(from) : *from;
  }
  return loaded;
}

template <class E>
__device__ inline void storeTile(const LaneTile<E>& values, typename E::Storage* tile, int lane,
                                 bool streaming = false) {
#pragma unroll
  for (int p = 0; p < E::kPieces; ++p) {
    uint4* const to = reinterpret_cast<uint4*>(tile) + p * kWarp + lane;
    if (streaming)
      __stcs(to, values.piece[p]);
    else
      *to = values.piece[p];
  }
}

// The first `valid` elements of a tile, element by element; the others read as 0 and stay unwritten.
template <class E>
__device__ inline LaneTile<E> loadPartialTile(const typename E::Storage* tile, int lane, int valid) {
  LaneTile<E> loaded;
#pragma unroll
  for (int p = 0; p < E::kPieces; ++p) {
    float x[E::kPerPiece];
#pragma unroll
    for (int j = 0; j < E::kPerPiece; ++j) {
      const int at = pieceStart<E>(p, lane) + j;
      x[j] = at < valid ? E::widen(tile[at]) : 0.0f;
    }
    loaded.piece[p] = E::pack(x);
  }
  return loaded;
}

// Visits (i, x): element i of the lane's own ones, piece by piece, widened.
template <class E, class Visit>
__device__ inline void forEach(const LaneTile<E>& values, Visit visit) {
#pragma unroll
  for (int p = 0; p < E::kPieces; ++p) {
    float x[E::kPerPiece];
    E::unpack(values.piece[p], x);
#pragma unroll
    for (int j = 0; j < E::kPerPiece; ++j) visit(p * E::kPerPiece + j, x[j]);
  }
}

template <class E>
__device__ inline void storePartialTile(const LaneTile<E>& values, typename E::Storage* tile, int lane,
                                        int valid) {
#pragma unroll
  for (int p = 0; p < E::kPieces; ++p) {
    float x[E::kPerPiece];
    E::unpack(values.piece[p], x);
#pragma unroll
    for (int j = 0; j < E::kPerPiece; ++j) {
      const int at = pieceStart<E>(p, lane) + j;
      if (at < valid) tile[at] = E::narrow(x[j]);
    }
  }
}

// Bit i: element i is > 0.
template <class E>
__device__ inline uint32_t positiveBits(const LaneTile<E>& values) {
  uint32_t bits = 0;
  forEach<E>(values, [&](int i, float x) { bits |= (x > 0.0f ? 1u : 0u) << i; });
  return bits;
}

template <class E>
__device__ inline uint32_t nonzeroBits(const LaneTile<E>& values) {
  uint32_t bits = 0;
  forEach<E>(values, [&](int i, float x) { bits |= (x != 0.0f ? 1u : 0u) << i; });
  return bits;
}

template <class E>
__device__ inline uint32_t countPositive(const LaneTile<E>& values) {
  uint32_t count = 0;
  forEach<E>(values, [&](int, float x) { count += x > 0.0f ? 1u : 0u; });
  return count;
}

// Kept elements times the scale of their piece, +0 elsewhere: one float32 product (docs/numerics.md, 7).
template <class E>
__device__ inline LaneTile<E> scaleKept(const LaneTile<E>& values, uint32_t kept,
                                        const float (&scale)[E::kPieces]) {
  LaneTile<E> result;
#pragma unroll
  for (int p = 0; p < E::kPieces; ++p) {
    float x[E::kPerPiece];
    E::unpack(values.piece[p], x);
#pragma unroll
    for (int j = 0; j < E::kPerPiece; ++j)
      x[j] = kept >> (p * E::kPerPiece + j) & 1u ? __fmul_rn(x[j], scale[p]) : 0.0f;
    result.piece[p] = E::pack(x);
  }
  return result;
}

}  // namespace jumpout::cuda
