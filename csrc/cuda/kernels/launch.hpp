// Launches: cudaLaunchKernelEx with the few attributes that the kernels need.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "cuda/kernels/kernels.hpp"

namespace jumpout::cuda {

struct Shape {
  unsigned blocks;
  unsigned threads;
  size_t shared_bytes = 0;
  unsigned cluster = 1;
  bool cooperative = false;
  bool overlaps = false;  // may begin before the last kernel ends (letNextKernelBegin)
};

template <class... Parameters, class... Arguments>
cudaError_t launch(const Shape& shape, cudaStream_t stream, void (*kernel)(Parameters...),
                   const Arguments&... arguments) {
  cudaLaunchAttribute attributes[3];
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(shape.blocks);
  config.blockDim = dim3(shape.threads);
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = stream;
  config.attrs = attributes;
  if (shape.cluster > 1) {
    cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = shape.cluster;
    attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  }
  if (shape.cooperative) {
    cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
    attribute.id = cudaLaunchAttributeCooperative;
    attribute.val.cooperative = 1;
  }
  if (shape.overlaps) {
    cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
  }
  return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

// Blocks for `work`, of which a block takes `work_per_block` at a time. Caps the grid at one resident wave.
inline unsigned blocksFor(const Device& device, uint64_t work, unsigned work_per_block, int threads_per_block,
                          int blocks_per_multiprocessor) {
  const int resident = std::min(blocks_per_multiprocessor, device.resident_threads / threads_per_block);
  const uint64_t most = static_cast<uint64_t>(device.multiprocessors) * static_cast<unsigned>(resident);
  return static_cast<unsigned>(std::max<uint64_t>(1, std::min(most, ceilDivided(work, work_per_block))));
}

}  // namespace jumpout::cuda
