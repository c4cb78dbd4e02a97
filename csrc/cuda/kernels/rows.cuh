// One launch where each row fits a warp, a block or a cluster: counted, drawn and applied from registers.
// A row is a group, or a whole tensor that is small.
//
// Shapes: input [rows][size] -> output [rows][size], mask, records [rows]. Bytes per element: read once, written
// once, and 1/8 of mask.
// Registers on sm_90, float32 (bfloat16), the largest with ReLU: warpRowsKernel 122 (108), blockRowsKernel 89 (79),
// in clusters 83 (71). Static shared memory per block: 512 bytes, of blockRowsKernel 416.
// Tried (docs/tuning.md): one short row per warp at a time, 90 registers but 2 loads per lane in flight for 8
// (bfloat16 1 for 4); ReLU as a branch at run time, fewer kernels but up to 0.8 instructions per element more;
// barriers apart for the two roles of a block, 4 to 8 registers more in clusters.
#pragma once

#include "cuda/kernels/keep.cuh"

namespace jumpout::cuda {

// Tiles that a warp holds: 32 registers of data per lane, or 16 for the 16-bit dtypes, which need more to unpack.
inline constexpr int kRowTiles = 4;

inline constexpr int kWarpRowThreads = 128;
inline constexpr int kWarpRowBlocks = 4;  // resident per multiprocessor: 128 registers per thread
inline constexpr int kBlockRowWarps = 8;  // and one that draws while they load
inline constexpr int kBlockRowThreads = (kBlockRowWarps + 1) * kWarp;
inline constexpr int kLargestCluster = 8;

// Resident blocks per multiprocessor: 112 registers per thread. sm_120's code for float32 and clusters needs more.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1200
template <class E, bool kCluster>
inline constexpr int kBlockRowBlocks = kCluster && E::kPieces == 2 ? 1 : 2;
#else
template <class, bool>
inline constexpr int kBlockRowBlocks = 2;
#endif

// Rows of `size` elements, a multiple of 8, or a single row of any length.
struct Rows {
  uint64_t count;
  uint64_t size;
};

// Rows own their bytes of the mask: those of all before row `end`.
__device__ inline uint64_t maskBytes(const Rows& rows, uint64_t end) {
  return (end * rows.size + (kLaneElements - 1)) / kLaneElements;
}

// The bytes that fill up the last word of the mask belong to the last row.
__device__ inline void fillMask(const Elements& e, const Rows& rows, uint64_t end, int lane) {
  const uint64_t filling = maskBytes(rows, end) + static_cast<uint64_t>(lane);
  if (e.mask && end == rows.count && filling < maskWords(e.length) * sizeof(uint32_t))
    reinterpret_cast<uint8_t*>(e.mask)[filling] = 0;
}

// The tiles of one warp: first, first + stride, ... of its row. Held rows are short: 32-bit arithmetic suffices.
template <class E>
struct HeldTiles {
  LaneTile<E> tile[kRowTiles];
  uint32_t first, stride;

  __device__ uint32_t beginOf(int k) const { return (first + k * stride) * kTileElements; }
  // Recomputed rather than kept: registers are for elements.
  __device__ int validOf(int k, uint32_t size) const {
    const uint32_t begin = beginOf(k);
    if (begin >= size) return 0;
    return size - begin < kTileElements ? static_cast<int>(size - begin) : kTileElements;
  }

  __device__ uint32_t load(const typename E::Storage* row, uint32_t size, int lane) {
#pragma unroll
    for (int k = 0; k < kRowTiles; ++k) {
      const int valid = validOf(k, size);
      if (valid == kTileElements)
        tile[k] = loadTile<E>(row + beginOf(k), lane);
      else if (valid > 0)
        tile[k] = loadPartialTile<E>(row + beginOf(k), lane, valid);
    }
    uint32_t count = 0;
#pragma unroll
    for (int k = 0; k < kRowTiles; ++k)
      if (beginOf(k) < size) count += countPositive<E>(tile[k]);
    return count;
  }

  template <Gate kGate>
  __device__ void apply(const Elements& e, const Rows& rows, const ScheduledSource& source,
                        const Decision& decision, uint64_t row, int lane) const {
    if (first == 0) fillMask(e, rows, row + 1, lane);
    const auto size = static_cast<uint32_t>(rows.size);
#pragma unroll
    for (int k = 0; k < kRowTiles; ++k) {
      const int valid = validOf(k, size);
      if (valid == 0) continue;
      keepTile<E, kGate>(e, source, row * rows.size + beginOf(k), valid, tile[k], sameForAll<E>(decision),
                         lane, maskBytes(rows, row + 1));
    }
  }
};

// Short rows: a warp takes `rows_per_warp` of them, `rows_at_once` together, as many as it holds tiles for. Each
// lane first draws the base rate of one of the warp's rows, and later makes the record of one held row.
template <class E, Gate kGate>
__global__ void __launch_bounds__(kWarpRowThreads, kWarpRowBlocks)
    warpRowsKernel(Elements e, Rows rows, uint32_t rows_per_warp, uint32_t rows_at_once,
                   jumpout_record* records, KeySchedule keys, Draw draw, Workspace* workspace) {
  SHARED_ARRAY(uint32_t, counts, kWarpRowThreads);
  const int lane = laneIndex();
  uint32_t* const of_row = counts + warpIndex() * kWarp;
  const uint64_t call = callOf(draw);
  const ScheduledSource source(keys, call);
  const auto size = static_cast<uint32_t>(rows.size);
  const uint64_t warp = gridWarpIndex();
  const uint64_t begin = warp * rows_per_warp;
  const uint64_t end = begin + rows_per_warp < rows.count ? begin + rows_per_warp : rows.count;
  double base_rates = 0.0;
  if (begin + lane < end) base_rates = drawBaseRate(draw, call, e.first_group + begin + lane);
  for (uint64_t row = begin; row < end; row += rows_at_once) {
    const uint32_t here = end - row < rows_at_once ? static_cast<uint32_t>(end - row) : rows_at_once;
    const uint32_t elements = here * size;
    const auto* input = static_cast<const typename E::Storage*>(e.input) + row * size;
    // Rows are multiples of 8 elements: a piece lies whole in one, or in none.
    const auto elementOf = [&](int k, int p) { return k * kTileElements + pieceStart<E>(p, lane); };
    LaneTile<E> tile[kRowTiles];
#pragma unroll
    for (int k = 0; k < kRowTiles; ++k)
#pragma unroll
      for (int p = 0; p < E::kPieces; ++p)
        tile[k].piece[p] = static_cast<uint32_t>(elementOf(k, p)) < elements
                               ? *reinterpret_cast<const uint4*>(input + elementOf(k, p))
                               : uint4{0, 0, 0, 0};
    of_row[lane] = 0;
    __syncwarp();
#pragma unroll
    for (int k = 0; k < kRowTiles; ++k) {
      const uint32_t positive = positiveBits<E>(tile[k]);
#pragma unroll
      for (int p = 0; p < E::kPieces; ++p)
        if (static_cast<uint32_t>(elementOf(k, p)) < elements)
          atomicAdd(of_row + elementOf(k, p) / size,
                    __popc(positive >> (p * E::kPerPiece) & ((1u << E::kPerPiece) - 1u)));
    }
    __syncwarp();
    const double base_rate = __shfl_sync(kAllLanes, base_rates, static_cast<int>(row - begin) + lane);
    Decision own{0, 0.0f};
    if (static_cast<uint32_t>(lane) < here) {
      const jumpout_record record = recordOf<true>(draw, call, base_rate, of_row[lane]);
      records[row + lane] = record;
      own = decisionOf(record);
    }
    fillMask(e, rows, row + here, lane);
#pragma unroll
    for (int k = 0; k < kRowTiles; ++k) {
      if (static_cast<uint32_t>(k * kTileElements) >= elements) break;
      LaneDecisions<E> decisions;
#pragma unroll
      for (int p = 0; p < E::kPieces; ++p) {
        const int of = static_cast<uint32_t>(elementOf(k, p)) < elements ? elementOf(k, p) / size : 0;
        decisions.piece[p] = {__shfl_sync(kAllLanes, own.threshold, of),
                              __shfl_sync(kAllLanes, own.scale, of)};
      }
      const uint32_t left = elements - k * kTileElements;
      keepTile<E, kGate>(e, source, row * size + k * kTileElements,
                         left < kTileElements ? static_cast<int>(left) : kTileElements, tile[k], decisions,
                         lane, maskBytes(rows, row + here));
    }
  }
  if (draw.call_counter) {
    __syncthreads();
    if (threadIdx.x == 0) finishDraw(draw, call, workspace);
  }
}

// The blocks that share a row: one, or a cluster with distributed shared memory (sm_90 on).
template <bool kCluster>
struct RowTeam {
  __device__ static unsigned blocks() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
    if constexpr (kCluster) return cooperative_groups::this_cluster().num_blocks();
#endif
    return 1;
  }
  __device__ static unsigned rank() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
    if constexpr (kCluster) return cooperative_groups::this_cluster().block_rank();
#endif
    return 0;
  }
  // A warp that writes nothing into other blocks arrives relaxed: it need not wait for its stores of the last row.
  __device__ static void meet(bool puts) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
    if constexpr (kCluster) {
      if (puts)
        __cluster_barrier_arrive();
      else
        __cluster_barrier_arrive_relaxed();
      __cluster_barrier_wait();
    }
#endif
  }
  // Writes `value` to the same place of another block.
  __device__ static void put(uint32_t* place, unsigned block, uint32_t value) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
    if constexpr (kCluster) {
      *cooperative_groups::this_cluster().map_shared_rank(place, block) = value;
      return;
    }
#endif
    *place = value;
  }
};

// One block or cluster per row. The last warp of each block holds no elements: it draws base rates, one per lane
// for the next 32 rows, while the others load. Shared values exist twice, so that no barrier stands between
// rows.
template <class E, Gate kGate, bool kCluster>
__global__ void __launch_bounds__(kBlockRowThreads, kBlockRowBlocks<E, kCluster>)
    blockRowsKernel(Elements e, Rows rows, jumpout_record* records, KeySchedule keys, Draw draw,
                    Workspace* workspace) {
  using Team = RowTeam<kCluster>;
  SHARED_ARRAY(uint32_t, warp_counts, 2 * kWarp);
  SHARED_ARRAY(uint32_t, block_counts, 2 * kLargestCluster);
  SHARED_ARRAY(jumpout_record, drawn, 2);
  const auto* input = static_cast<const typename E::Storage*>(e.input);
  const int lane = laneIndex();
  const unsigned loading = blockDim.x / kWarp - 1;
  const bool draws = static_cast<unsigned>(warpIndex()) == loading;
  const unsigned team = Team::blocks();
  const unsigned rank = Team::rank();
  const uint64_t teams = gridDim.x / team;
  // Only the warp that draws reads the counter. The record tells the others the call.
  const uint64_t call = draws ? callOf(draw) : 0;
  Team::meet(false);  // distributed shared memory exists from here on
  double base_rates = 0.0;
  unsigned turn = 0;
  // Both roles meet at the same barriers, row by row.
  for (uint64_t row = blockIdx.x / team; row < rows.count; row += teams, ++turn) {
    const int half = static_cast<int>(turn % 2);
    HeldTiles<E> held;
    if (draws) {
      const uint64_t lanes_row = row + lane * teams;
      if (turn % kWarp == 0 && lanes_row < rows.count)
        base_rates = drawBaseRate(draw, call, e.first_group + lanes_row);
    } else {
      held.first = rank * loading + warpIndex();
      held.stride = team * loading;
      const uint32_t count =
          warpSum(held.load(input + row * rows.size, static_cast<uint32_t>(rows.size), lane));
      if (lane == 0) warp_counts[half * kWarp + warpIndex()] = count;
    }
    __syncthreads();  // the warps have counted
    if (draws) {
      const uint32_t sum =
          warpSum(static_cast<unsigned>(lane) < loading ? warp_counts[half * kWarp + lane] : 0u);
      if (static_cast<unsigned>(lane) < team)
        Team::put(block_counts + half * kLargestCluster + rank, lane, sum);
      __syncwarp();
    }
    Team::meet(draws);  // and so have the other blocks
    if (draws) {
      const double base_rate = __shfl_sync(kAllLanes, base_rates, static_cast<int>(turn % kWarp));
      if (lane == 0) {
        uint64_t active = 0;
        for (unsigned block = 0; block < team; ++block)
          active += block_counts[half * kLargestCluster + block];
        drawn[half] = recordOf<true>(draw, call, base_rate, active);
        if (rank == 0) records[row] = drawn[half];
      }
    }
    __syncthreads();  // the rate has been drawn
    if (draws) continue;
    const ScheduledSource source(keys, drawn[half].call);
    held.template apply<kGate>(e, rows, source, decisionOf(drawn[half]), row, lane);
  }
  if (draws && lane == 0) finishDraw(draw, call, workspace);
}

}  // namespace jumpout::cuda
