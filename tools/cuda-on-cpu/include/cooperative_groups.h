// Grids, clusters and blocks as groups.
#pragma once

#include "cuda_runtime.h"

namespace cuda_on_cpu {

struct ClusterPlace {
  unsigned int rank, blocks;
};
ClusterPlace placeInCluster();
// The same shared memory in another block of the cluster.
void* sharedMemoryOf(unsigned int rank, const void* own, const char* file, int line);
unsigned int rankInBlock();

}  // namespace cuda_on_cpu

namespace cooperative_groups {

class grid_group {
 public:
  CUDA_ON_CPU_EXPANDED void sync(CUDA_ON_CPU_PLACE) const {
  here:
    cuda_on_cpu::gridBarrier(CUDA_ON_CPU_HERE);
  }
  unsigned long long num_blocks() const { return 1ull * gridDim.x * gridDim.y * gridDim.z; }
  unsigned long long block_rank() const {
    return (1ull * blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  }
  unsigned long long size() const { return num_blocks() * blockDim.x * blockDim.y * blockDim.z; }
  unsigned long long thread_rank() const {
    return block_rank() * (blockDim.x * blockDim.y * blockDim.z) + cuda_on_cpu::rankInBlock();
  }
};

class cluster_group {
 public:
  CUDA_ON_CPU_EXPANDED void sync(CUDA_ON_CPU_PLACE) const {
  here:
    cuda_on_cpu::clusterBarrier(CUDA_ON_CPU_HERE);
  }
  unsigned int block_rank() const { return cuda_on_cpu::placeInCluster().rank; }
  unsigned int num_blocks() const { return cuda_on_cpu::placeInCluster().blocks; }
  unsigned int num_threads() const { return num_blocks() * blockDim.x * blockDim.y * blockDim.z; }
  unsigned int thread_rank() const {
    return block_rank() * (blockDim.x * blockDim.y * blockDim.z) + cuda_on_cpu::rankInBlock();
  }
  template <class T>
  T* map_shared_rank(T* own, int rank, CUDA_ON_CPU_PLACE) const {
    return static_cast<T*>(cuda_on_cpu::sharedMemoryOf(static_cast<unsigned int>(rank), own, file_, line_));
  }
};

class thread_block {
 public:
  CUDA_ON_CPU_EXPANDED void sync(CUDA_ON_CPU_PLACE) const { __syncthreads(file_, line_); }
  unsigned int size() const { return blockDim.x * blockDim.y * blockDim.z; }
  unsigned int num_threads() const { return size(); }
  unsigned int thread_rank() const { return cuda_on_cpu::rankInBlock(); }
};

inline grid_group this_grid() { return {}; }
inline cluster_group this_cluster() { return {}; }
inline thread_block this_thread_block() { return {}; }

}  // namespace cooperative_groups
