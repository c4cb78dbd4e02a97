// The launchers of one dtype. Each dtype instantiates them in a file of its own, so that they compile in parallel.
#pragma once

#include "cuda/kernels/apply.cuh"
#include "cuda/kernels/backward.cuh"
#include "cuda/kernels/count.cuh"
#include "cuda/kernels/general.cuh"
#include "cuda/kernels/interleaved.cuh"
#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch.hpp"
#include "cuda/kernels/on_chip.cuh"
#include "cuda/kernels/rows.cuh"

namespace jumpout::cuda {

template <class E>
struct Launchers {
  static constexpr uint64_t kWarpRow = uint64_t{kRowTiles} * kTileElements;
  static constexpr uint64_t kBlockRow = kWarpRow * kBlockRowWarps;

  static cudaError_t count(const Pass& pass) {
    const Elements& e = pass.elements;
    const bool pieces = isAligned(e.input) && groupsFitLanes(e);
    const bool whole = pieces && e.group_size == 0;
    const unsigned blocks = blocksFor(pass.device, tilesOf(e), kCountThreads / kWarp, kCountThreads,
                                      whole ? kCountBlocks : kCountManyBlocks);
    const auto kernel = whole ? countKernel<E> : pieces ? countGroupsKernel<E> : countGeneralKernel<E>;
    return launch({blocks, kCountThreads}, pass.stream, kernel, e, pass.counting);
  }

  static unsigned applyBlocks(const Pass& pass) {
    const uint64_t spans = ceilDivided(tilesOf(pass.elements), kSpanTiles<E>);
    return blocksFor(pass.device, spans, kApplyThreads / kWarp, kApplyThreads,
                     pass.groups > 1 ? kApplyBlocks<true> : kApplyBlocks<false>);
  }

  static cudaError_t apply(const Pass& pass) {
    const auto kernel = pass.gate == Gate::kPositiveInput ? applyKernel<E, Gate::kPositiveInput>
                                                          : applyKernel<E, Gate::kNone>;
    Shape shape{applyBlocks(pass), kApplyThreads};
    shape.overlaps = pass.device.overlaps && pass.draw.active == &pass.workspace->sum;
    return launch(shape, pass.stream, kernel, pass.elements, pass.drawn, pass.keys, pass.draw,
                  pass.workspace);
  }

  static cudaError_t applyGroups(const Pass& pass) {
    const auto kernel = pass.gate == Gate::kPositiveInput ? applyGroupsKernel<E, Gate::kPositiveInput>
                                                          : applyGroupsKernel<E, Gate::kNone>;
    return launch({applyBlocks(pass), kApplyThreads}, pass.stream, kernel, pass.elements, pass.records,
                  pass.keys);
  }

  template <bool kGrouped>
  static auto applyAgainKernelOf(Gate gate) {
    return gate == Gate::kNonzeroPartner ? applyAgainKernel<E, Gate::kNonzeroPartner, kGrouped>
                                         : applyAgainKernel<E, Gate::kNone, kGrouped>;
  }

  static cudaError_t applyAgain(const Pass& pass) {
    const auto kernel =
        pass.groups > 1 ? applyAgainKernelOf<true>(pass.gate) : applyAgainKernelOf<false>(pass.gate);
    return launch({applyBlocks(pass), kApplyThreads}, pass.stream, kernel, pass.elements, pass.records);
  }

  template <bool kGrouped>
  static auto interleavedKernelOf(Gate gate) {
    switch (gate) {
      case Gate::kPositiveInput: return interleavedKernel<E, Gate::kPositiveInput, kGrouped>;
      case Gate::kNonzeroPartner: return interleavedKernel<E, Gate::kNonzeroPartner, kGrouped>;
      case Gate::kNone: break;
    }
    return interleavedKernel<E, Gate::kNone, kGrouped>;
  }

  static cudaError_t interleaved(const Pass& pass) {
    const uint64_t spans = ceilDivided(tilesOf(pass.elements), kSpanTiles<E>);
    const unsigned blocks =
        blocksFor(pass.device, spans, kApplyThreads / kWarp, kApplyThreads, kApplyBlocks<true>);
    const auto kernel =
        pass.groups > 1 ? interleavedKernelOf<true>(pass.gate) : interleavedKernelOf<false>(pass.gate);
    return launch({blocks, kApplyThreads}, pass.stream, kernel, pass.elements, pass.records,
                  Turns(pass.elements));
  }

  static cudaError_t backward(const Pass& pass) {
    const bool grouped = pass.groups > 1;
    const unsigned blocks =
        blocksFor(pass.device, tilesOf(pass.elements), kBackwardThreads / kWarp, kBackwardThreads,
                  grouped ? kBackwardBlocks<true> : kBackwardBlocks<false>);
    const auto kernel = grouped ? backwardKernel<E, true> : backwardKernel<E, false>;
    return launch({blocks, kBackwardThreads}, pass.stream, kernel, pass.elements, pass.kept, pass.records);
  }

  static cudaError_t general(const Pass& pass) {
    const unsigned blocks =
        blocksFor(pass.device, tilesOf(pass.elements), kWarpsOfGeneral, kGeneralThreads, kGeneralBlocks);
    return launch({blocks, kGeneralThreads}, pass.stream, generalKernel<E>, pass.elements, pass.records,
                  pass.gate, pass.kept);
  }

  static cudaError_t warpRows(const Pass& pass) {
    constexpr unsigned kWarps = kWarpRowThreads / kWarp;
    const uint64_t most_warps = static_cast<uint64_t>(pass.device.multiprocessors) * kWarpRowBlocks * kWarps;
    const Rows rows{pass.groups, pass.rowSize()};
    // A warp takes several rows, up to 32, only where there are more rows than warps.
    const auto rows_per_warp = static_cast<uint32_t>(std::clamp<uint64_t>(rows.count / most_warps, 1, kWarp));
    const auto rows_at_once = static_cast<uint32_t>(std::min<uint64_t>(rows_per_warp, kWarpRow / rows.size));
    const auto blocks = static_cast<unsigned>(ceilDivided(ceilDivided(rows.count, rows_per_warp), kWarps));
    const auto kernel = pass.gate == Gate::kPositiveInput ? warpRowsKernel<E, Gate::kPositiveInput>
                                                          : warpRowsKernel<E, Gate::kNone>;
    return launch({blocks, kWarpRowThreads}, pass.stream, kernel, pass.elements, rows, rows_per_warp,
                  rows_at_once, pass.drawn, pass.keys, pass.draw, pass.workspace);
  }

  template <bool kCluster>
  static auto blockRowsKernelOf(Gate gate) {
    return gate == Gate::kPositiveInput ? blockRowsKernel<E, Gate::kPositiveInput, kCluster>
                                        : blockRowsKernel<E, Gate::kNone, kCluster>;
  }

  template <bool kCluster>
  static cudaError_t teamRows(const Pass& pass, unsigned cluster) {
    constexpr uint64_t kBlocksPerMultiprocessor = 8;
    const Rows rows{pass.groups, pass.rowSize()};
    const uint64_t tiles = ceilDivided(rows.size, kTileElements);
    const uint64_t warps =
        std::clamp<uint64_t>(ceilDivided(tiles, uint64_t{kRowTiles} * cluster), 1, kBlockRowWarps);
    const uint64_t teams = std::min<uint64_t>(
        rows.count, std::max<uint64_t>(1, pass.device.multiprocessors * kBlocksPerMultiprocessor / cluster));
    const Shape shape{static_cast<unsigned>(teams * cluster), static_cast<unsigned>((warps + 1) * kWarp), 0,
                      cluster};
    return launch(shape, pass.stream, blockRowsKernelOf<kCluster>(pass.gate), pass.elements, rows, pass.drawn,
                  pass.keys, pass.draw, pass.workspace);
  }

  static cudaError_t blockRows(const Pass& pass) { return teamRows<false>(pass, 1); }

  // A single row by all blocks of the largest cluster, many rows by no more than each needs.
  static cudaError_t clusterRows(const Pass& pass) {
    unsigned blocks = pass.groups == 1 ? kLargestCluster : 2;
    while (blocks < kLargestCluster && pass.rowSize() > kBlockRow * blocks) blocks *= 2;
    return teamRows<true>(pass, blocks);
  }

  static int sharedTiles(const Device& device) {
    constexpr int kStaticBytes = 1024;  // what the kernel itself declares, rounded up
    return std::max(0, device.shared_bytes - kStaticBytes) / (kOnChipWarps * kTileBytes<E>);
  }

  static size_t sharedBytes(int shared_tiles) {
    return std::max<size_t>(1, static_cast<size_t>(shared_tiles) * kOnChipWarps) * kTileBytes<E>;
  }

  static auto onChipKernelOf(Gate gate) {
    return gate == Gate::kPositiveInput ? onChipKernel<E, Gate::kPositiveInput>
                                        : onChipKernel<E, Gate::kNone>;
  }

  static uint64_t onChipCapacity(const Device& device) {
    if (!device.cooperative || sharedTiles(device) < kOnChipTilesAhead<E>) return 0;
    const uint64_t tiles =
        static_cast<uint64_t>(kOnChipRegisterTiles<E> + sharedTiles(device)) * kOnChipWarps;
    return tiles * static_cast<uint64_t>(device.multiprocessors) * kTileElements;
  }

  static cudaError_t onChip(const Pass& pass) {
    const uint64_t tiles = pass.elements.length / kTileElements;
    const auto blocks = static_cast<unsigned>(
        std::clamp<uint64_t>(ceilDivided(tiles, kOnChipWarps), 1, pass.device.multiprocessors));
    const unsigned warps = blocks * kOnChipWarps;
    const uint64_t most = std::max<uint64_t>(ceilDivided(tiles, warps), kOnChipRegisterTiles<E>);
    const Shares shares{
        static_cast<uint32_t>(tiles / warps), static_cast<uint32_t>(tiles % warps),
        static_cast<uint32_t>(std::min<uint64_t>(most - kOnChipRegisterTiles<E>, sharedTiles(pass.device)))};
    return launch({blocks, kOnChipThreads, sharedBytes(shares.slots), 1, true}, pass.stream,
                  onChipKernelOf(pass.gate), pass.elements, shares, pass.drawn, pass.keys, pass.draw,
                  pass.workspace);
  }

  static uint64_t capacity(Way way, const Device& device) {
    switch (way) {
      case Way::kNothing: return 0;
      case Way::kWarpRows: return kWarpRow;
      case Way::kBlockRows: return kBlockRow;
      case Way::kClusterRows: return device.clusters ? kBlockRow * kLargestCluster : 0;
      case Way::kOnChip: return onChipCapacity(device);
      case Way::kBeyondChip: return onChipCapacity(device) ? ~uint64_t{0} : 0;
      case Way::kTwoLaunches:
      case Way::kSweep:
      case Way::kInterleaved:
      case Way::kGeneral: break;
    }
    return ~uint64_t{0};
  }

  // Allows the most shared memory that any launch asks for, once: threads that launch cannot undercut each other.
  static cudaError_t prepare(Device& device) {
    for (const Gate gate : {Gate::kNone, Gate::kPositiveInput}) {
      const cudaError_t error = cudaFuncSetAttribute(reinterpret_cast<const void*>(onChipKernelOf(gate)),
                                                     cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                     static_cast<int>(sharedBytes(sharedTiles(device))));
      if (error != cudaSuccess) return error;
    }
    // Code made for older devices knows no clusters, wherever it runs: each block would take itself for the team.
    // Nor does it wait for the kernel before it.
    constexpr int kClusterCode = 90;
    cudaFuncAttributes code = {};
    const cudaError_t error = cudaFuncGetAttributes(&code, blockRowsKernelOf<true>(Gate::kNone));
    if (code.ptxVersion < kClusterCode || code.binaryVersion < kClusterCode)
      device.clusters = device.overlaps = 0;
    return error;
  }

  static constexpr Kernels table() {
    return {prepare,     capacity, count,    apply,     applyGroups, applyAgain, backward,
            interleaved, general,  warpRows, blockRows, clusterRows, onChip};
  }
};

}  // namespace jumpout::cuda
