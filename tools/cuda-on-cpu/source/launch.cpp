// Launches: the checks of a configuration, and occupancy.
#include "cuda_on_cpu/launch.h"

#include <algorithm>
#include <cstdio>

#include "run.hpp"
#include "runtime.hpp"

namespace cuda_on_cpu {
namespace {

constexpr size_t kStaticLimit = 48 * 1024;
constexpr size_t kSharedPerMultiprocessor = 233472;
constexpr size_t kReservedPerBlock = 1024;
constexpr unsigned kThreadsPerMultiprocessor = 2048, kBlocksPerMultiprocessor = 32;
constexpr unsigned kPortableCluster = 8, kLargestCluster = 16;

FunctionState& functionOf(const void* kernel) { return deviceOf(currentDevice()).functions[kernel]; }

unsigned blocksPerMultiprocessor(const FunctionState& function, unsigned threads, size_t dynamicBytes) {
  const size_t shared = function.staticBytes + dynamicBytes;
  if (threads == 0 || threads > 1024 || shared > settings().sharedBytes) return 0;
  const unsigned byThreads = kThreadsPerMultiprocessor / ((threads + warpSize - 1) / warpSize * warpSize);
  const size_t byMemory = kSharedPerMultiprocessor / (shared + kReservedPerBlock);
  return static_cast<unsigned>(std::min<size_t>({byThreads, kBlocksPerMultiprocessor, byMemory}));
}

size_t residentBlocks(const FunctionState& function, const Shape& shape) {
  return size_t{blocksPerMultiprocessor(function, shape.threads(), shape.dynamicBytes)} *
         static_cast<size_t>(settings().multiprocessors);
}

cudaError_t readAttributes(const cudaLaunchConfig_t& config, Shape& shape) {
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config.attrs[i];
    switch (attribute.id) {
      case cudaLaunchAttributeIgnore: break;
      case cudaLaunchAttributeCooperative: shape.cooperative = attribute.val.cooperative != 0; break;
      case cudaLaunchAttributeClusterDimension: {
        const auto& cluster = attribute.val.clusterDim;
        // Clusters along x are enough for jumpout.
        if (cluster.x == 0 || cluster.y != 1 || cluster.z != 1) return cudaErrorInvalidClusterSize;
        if (settings().architecture(currentDevice()) < 90) return cudaErrorNotSupported;
        shape.clusterBlocks = cluster.x;
        break;
      }
      case cudaLaunchAttributeProgrammaticStreamSerialization:
        if (settings().architecture(currentDevice()) < 90 || !settings().overlaps)
          return cudaErrorNotSupported;
        shape.overlaps = attribute.val.programmaticStreamSerializationAllowed != 0;
        break;
      default: return cudaErrorInvalidValue;
    }
  }
  return cudaSuccess;
}

cudaError_t check(const Shape& shape, const FunctionState& function) {
  const dim3 grid = shape.grid, block = shape.block;
  const auto isEmpty = [](dim3 size) { return size.x == 0 || size.y == 0 || size.z == 0; };
  if (isEmpty(grid) || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
    return cudaErrorInvalidConfiguration;
  if (isEmpty(block) || block.x > 1024 || block.y > 1024 || block.z > 64 || shape.threads() > 1024) {
    return cudaErrorInvalidConfiguration;
  }
  const size_t limit = function.dynamicLimit == 0 ? kStaticLimit : function.dynamicLimit;
  if (shape.dynamicBytes > limit) return cudaErrorInvalidValue;

  if (shape.clusterBlocks > (function.bigClusters ? kLargestCluster : kPortableCluster)) {
    return cudaErrorInvalidClusterSize;
  }
  if (grid.x % shape.clusterBlocks != 0) return cudaErrorInvalidConfiguration;
  if (residentBlocks(function, shape) < shape.clusterBlocks) {
    return shape.clusterBlocks == 1 ? cudaErrorLaunchOutOfResources : cudaErrorInvalidClusterSize;
  }
  if (shape.cooperative) {
    const bool offered = settings().cooperative == Settings::kOffered;
    if (!offered || shape.blocks() > residentBlocks(function, shape))
      return cudaErrorCooperativeLaunchTooLarge;
  }
  return cudaSuccess;
}

cudaError_t execute(int device, const Shape& shape, const void* kernel, const std::function<void()>& run) {
  openMemory(device);
  const Run outcome = runKernel(shape, run);
  closeMemory(device);
  FunctionState& function = deviceOf(device).functions[kernel];
  function.staticBytes = std::max(function.staticBytes, outcome.staticBytes);
  if (outcome.misuse.empty()) return cudaSuccess;
  std::fprintf(stderr, "CUDA on CPU: %s\n", outcome.misuse.c_str());
  return lose(device, cudaErrorLaunchFailure);
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t* config, const void* kernel, std::function<void()> run) {
  return call("cudaLaunchKernelEx", [&] {
    if (config == nullptr || kernel == nullptr) return cudaErrorInvalidValue;
    CUstream_st* stream = find(config->stream);
    if (stream == nullptr || stream->device != currentDevice()) return cudaErrorInvalidResourceHandle;
    const FunctionState& function = functionOf(kernel);
    Shape shape;
    shape.grid = config->gridDim;
    shape.block = config->blockDim;
    shape.dynamicBytes = config->dynamicSmemBytes;
    shape.dynamicLimit = function.dynamicLimit;
    cudaError_t error = readAttributes(*config, shape);
    if (error == cudaSuccess) error = check(shape, function);
    if (error != cudaSuccess) return error;
    if (shape.clusterBlocks > 1 && settings().ptx < 90) {
      std::fprintf(stderr, "CUDA on CPU: a cluster of blocks that know of none: their code is of %d\n",
                   settings().ptx);
      return lose(stream->device, cudaErrorLaunchFailure);
    }
    return submit(*stream, [device = stream->device, shape, kernel, run = std::move(run)] {
      return execute(device, shape, kernel, run);
    });
  });
}

}  // namespace cuda_on_cpu

using namespace cuda_on_cpu;

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return call("cudaFuncSetAttribute", [&] {
    if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
    FunctionState& function = functionOf(kernel);
    switch (attribute) {
      case cudaFuncAttributeMaxDynamicSharedMemorySize:
        if (value < 0 || static_cast<size_t>(value) + function.staticBytes > settings().sharedBytes) {
          return cudaErrorInvalidValue;
        }
        function.dynamicLimit = static_cast<size_t>(value);
        return cudaSuccess;
      case cudaFuncAttributePreferredSharedMemoryCarveout: return cudaSuccess;
      case cudaFuncAttributeNonPortableClusterSizeAllowed:
        function.bigClusters = value != 0;
        return cudaSuccess;
    }
    return cudaErrorInvalidValue;
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  return call("cudaFuncGetAttributes", [&] {
    if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
    const FunctionState& function = functionOf(kernel);
    *attributes = cudaFuncAttributes{};
    attributes->sharedSizeBytes = function.staticBytes;
    attributes->maxThreadsPerBlock = 1024;
    attributes->numRegs = 32;
    attributes->ptxVersion = settings().ptx;
    attributes->binaryVersion = settings().architecture(currentDevice());
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(
        function.dynamicLimit != 0 ? function.dynamicLimit : kStaticLimit - function.staticBytes);
    attributes->nonPortableClusterSizeAllowed = function.bigClusters;
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* kernel, int blockSize,
                                                          size_t dynamicBytes) {
  return call("cudaOccupancyMaxActiveBlocksPerMultiprocessor", [&] {
    if (blocks == nullptr || blockSize <= 0) return cudaErrorInvalidValue;
    *blocks = static_cast<int>(
        blocksPerMultiprocessor(functionOf(kernel), static_cast<unsigned>(blockSize), dynamicBytes));
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, const void* kernel,
                                           const cudaLaunchConfig_t* config) {
  return call("cudaOccupancyMaxActiveClusters", [&] {
    if (clusters == nullptr || config == nullptr) return cudaErrorInvalidValue;
    Shape shape;
    shape.block = config->blockDim;
    shape.dynamicBytes = config->dynamicSmemBytes;
    const cudaError_t error = readAttributes(*config, shape);
    if (error != cudaSuccess) return error;
    const FunctionState& function = functionOf(kernel);
    if (shape.clusterBlocks > (function.bigClusters ? kLargestCluster : kPortableCluster)) {
      return cudaErrorInvalidClusterSize;
    }
    *clusters = static_cast<int>(residentBlocks(function, shape) / shape.clusterBlocks);
    return cudaSuccess;
  });
}
