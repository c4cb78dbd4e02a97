// The launchers of one dtype; instantiated once a dtype, each in a file of its own so that they compile side by side.
#pragma once

#include "cuda/kernels/apply.cuh"
#include "cuda/kernels/backward.cuh"
#include "cuda/kernels/count.cuh"
#include "cuda/kernels/general.cuh"
#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch.hpp"
#include "cuda/kernels/on_chip.cuh"
#include "cuda/kernels/rows.cuh"

namespace jumpout::cuda {

template <class E>
struct Launchers {
  static uint64_t tilesOf(const Elements& e) { return ceilDivided(e.length, kTileElements); }

  static cudaError_t count(const Device& device, const Elements& e, const CountOutcome& outcome, bool aligned,
                           cudaStream_t stream) {
    const bool whole = aligned && e.group_size == 0;
    const unsigned blocks = blocksFor(device, tilesOf(e), kCountThreads / kWarp, kCountThreads,
                                      whole ? kCountBlocks : kCountManyBlocks);
    const auto kernel = whole ? countKernel<E> : aligned ? countGroupsKernel<E> : countGeneralKernel<E>;
    return launch({blocks, kCountThreads}, stream, kernel, e, outcome);
  }

  template <bool kGrouped>
  static auto applyAgainKernelOf(Gate gate) {
    return gate == Gate::kNonzeroPartner ? applyAgainKernel<E, Gate::kNonzeroPartner, kGrouped>
                                         : applyAgainKernel<E, Gate::kNone, kGrouped>;
  }

  static unsigned applyBlocks(const Device& device, const Elements& e, bool grouped) {
    const uint64_t spans = ceilDivided(tilesOf(e), kSpanTiles<E>);
    return blocksFor(device, spans, kApplyThreads / kWarp, kApplyThreads,
                     grouped ? kApplyBlocks<true> : kApplyBlocks<false>);
  }

  static cudaError_t apply(const Device& device, const Elements& e, jumpout_record* record,
                           const KeySchedule& keys, const Draw& draw, Workspace* workspace, Gate gate,
                           bool overlaps, cudaStream_t stream) {
    const auto kernel =
        gate == Gate::kPositiveInput ? applyKernel<E, Gate::kPositiveInput> : applyKernel<E, Gate::kNone>;
    Shape shape{applyBlocks(device, e, false), kApplyThreads};
    shape.overlaps = overlaps;
    return launch(shape, stream, kernel, e, record, keys, draw, workspace);
  }

  static cudaError_t applyGroups(const Device& device, const Elements& e, const jumpout_record* records,
                                 const KeySchedule& keys, Gate gate, cudaStream_t stream) {
    const auto kernel = gate == Gate::kPositiveInput ? applyGroupsKernel<E, Gate::kPositiveInput>
                                                     : applyGroupsKernel<E, Gate::kNone>;
    return launch({applyBlocks(device, e, true), kApplyThreads}, stream, kernel, e, records, keys);
  }

  static cudaError_t applyAgain(const Device& device, const Elements& e, const jumpout_record* records,
                                Gate gate, bool grouped, cudaStream_t stream) {
    const auto kernel = grouped ? applyAgainKernelOf<true>(gate) : applyAgainKernelOf<false>(gate);
    return launch({applyBlocks(device, e, grouped), kApplyThreads}, stream, kernel, e, records);
  }

  static cudaError_t general(const Device& device, const Elements& e, const jumpout_record* records,
                             Gate gate, const uint32_t* kept, cudaStream_t stream) {
    const unsigned blocks = blocksFor(device, tilesOf(e), kWarpsOfGeneral, kGeneralThreads, kGeneralBlocks);
    return launch({blocks, kGeneralThreads}, stream, generalKernel<E>, e, records, gate, kept);
  }

  static cudaError_t backward(const Device& device, const Elements& e, const uint32_t* mask,
                              const jumpout_record* records, bool grouped, cudaStream_t stream) {
    const unsigned blocks = blocksFor(device, tilesOf(e), kBackwardThreads / kWarp, kBackwardThreads,
                                      grouped ? kBackwardBlocks<true> : kBackwardBlocks<false>);
    const auto kernel = grouped ? backwardKernel<E, true> : backwardKernel<E, false>;
    return launch({blocks, kBackwardThreads}, stream, kernel, e, mask, records);
  }

  static cudaError_t warpRows(const Device& device, const RowsLaunch& l, cudaStream_t stream) {
    constexpr unsigned kWarps = kWarpRowThreads / kWarp;
    const uint64_t most_warps = static_cast<uint64_t>(device.multiprocessors) * kWarpRowBlocks * kWarps;
    // A warp takes several rows, up to 32, only where there are more rows than warps.
    const auto rows_a_warp = static_cast<uint32_t>(std::clamp<uint64_t>(l.rows / most_warps, 1, kWarp));
    const auto rows_at_once = static_cast<uint32_t>(std::min<uint64_t>(rows_a_warp, kWarpRow / l.row_size));
    const auto blocks = static_cast<unsigned>(ceilDivided(ceilDivided(l.rows, rows_a_warp), kWarps));
    const auto kernel = l.gate == Gate::kPositiveInput ? warpRowsKernel<E, Gate::kPositiveInput>
                                                       : warpRowsKernel<E, Gate::kNone>;
    return launch({blocks, kWarpRowThreads}, stream, kernel, l.elements, Rows{l.rows, l.row_size},
                  rows_a_warp, rows_at_once, l.records, *l.keys, *l.draw, l.workspace);
  }

  template <bool kCluster>
  static auto blockRowsKernelOf(Gate gate) {
    return gate == Gate::kPositiveInput ? blockRowsKernel<E, Gate::kPositiveInput, kCluster>
                                        : blockRowsKernel<E, Gate::kNone, kCluster>;
  }

  static cudaError_t blockRows(const Device& device, const RowsLaunch& l, unsigned cluster,
                               cudaStream_t stream) {
    constexpr uint64_t kBlocksAMultiprocessor = 8;
    const uint64_t tiles = ceilDivided(l.row_size, kTileElements);
    const uint64_t warps =
        std::clamp<uint64_t>(ceilDivided(tiles, uint64_t{kRowTiles} * cluster), 1, kBlockRowWarps);
    const uint64_t teams = std::min<uint64_t>(
        l.rows, std::max<uint64_t>(1, device.multiprocessors * kBlocksAMultiprocessor / cluster));
    const Shape shape{static_cast<unsigned>(teams * cluster), static_cast<unsigned>((warps + 1) * kWarp), 0,
                      cluster};
    const auto kernel = cluster > 1 ? blockRowsKernelOf<true>(l.gate) : blockRowsKernelOf<false>(l.gate);
    return launch(shape, stream, kernel, l.elements, Rows{l.rows, l.row_size}, l.records, *l.keys, *l.draw,
                  l.workspace);
  }

  static int sharedTiles(const Device& device) {
    constexpr size_t kStaticBytes = 1024;  // what the kernel itself declares, rounded up
    if (device.shared_bytes <= kStaticBytes) return 0;
    return static_cast<int>((device.shared_bytes - kStaticBytes) / (size_t{kOnChipWarps} * kTileBytes<E>));
  }

  static size_t sharedBytes(int shared_tiles) {
    return std::max<size_t>(1, static_cast<size_t>(shared_tiles) * kOnChipWarps) * kTileBytes<E>;
  }

  static auto onChipKernelOf(Gate gate) {
    return gate == Gate::kPositiveInput ? onChipKernel<E, Gate::kPositiveInput>
                                        : onChipKernel<E, Gate::kNone>;
  }

  // The most that any launch asks for: threads that launch with other sizes do not take it from each other.
  static cudaError_t prepare(Device& device) {
    for (const Gate gate : {Gate::kNone, Gate::kPositiveInput}) {
      const cudaError_t error = cudaFuncSetAttribute(reinterpret_cast<const void*>(onChipKernelOf(gate)),
                                                     cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                     static_cast<int>(sharedBytes(sharedTiles(device))));
      if (error != cudaSuccess) return error;
    }
    // Code made for older devices knows no clusters, wherever it runs: each block would take itself for the team. Nor does
    // it wait for the kernel before it.
    constexpr int kClusterCode = 90;
    cudaFuncAttributes code = {};
    const cudaError_t error = cudaFuncGetAttributes(&code, blockRowsKernelOf<true>(Gate::kNone));
    const bool has_them = code.ptxVersion >= kClusterCode && code.binaryVersion >= kClusterCode;
    device.clusters = device.clusters && has_them;
    device.overlaps = device.overlaps && has_them;
    return error;
  }

  static uint64_t onChipCapacity(const Device& device) {
    if (!device.cooperative || sharedTiles(device) < kOnChipTilesAhead<E>) return 0;
    const uint64_t tiles =
        static_cast<uint64_t>(kOnChipRegisterTiles<E> + sharedTiles(device)) * kOnChipWarps;
    return tiles * static_cast<uint64_t>(device.multiprocessors) * kTileElements;
  }

  static cudaError_t onChip(const Device& device, const Elements& e, jumpout_record* record,
                            const KeySchedule& keys, const Draw& draw, Workspace* workspace, Gate gate,
                            cudaStream_t stream) {
    const uint64_t tiles = e.length / kTileElements;
    const auto blocks = static_cast<unsigned>(
        std::clamp<uint64_t>(ceilDivided(tiles, kOnChipWarps), 1, device.multiprocessors));
    const unsigned warps = blocks * kOnChipWarps;
    const uint64_t most = std::max<uint64_t>(ceilDivided(tiles, warps), kOnChipRegisterTiles<E>);
    const Shares shares{
        static_cast<uint32_t>(tiles / warps), static_cast<uint32_t>(tiles % warps),
        static_cast<uint32_t>(std::min<uint64_t>(most - kOnChipRegisterTiles<E>, sharedTiles(device)))};
    return launch({blocks, kOnChipThreads, sharedBytes(shares.slots), 1, true}, stream, onChipKernelOf(gate),
                  e, shares, record, keys, draw, workspace);
  }

  static constexpr uint64_t kWarpRow = uint64_t{kRowTiles} * kTileElements;

  static constexpr Kernels table() {
    return {kWarpRow,
            kWarpRow * kBlockRowWarps,
            kWarpRow * kBlockRowWarps * kLargestCluster,
            prepare,
            count,
            apply,
            applyGroups,
            applyAgain,
            general,
            backward,
            warpRows,
            blockRows,
            onChipCapacity,
            onChip};
  }
};

}  // namespace jumpout::cuda
