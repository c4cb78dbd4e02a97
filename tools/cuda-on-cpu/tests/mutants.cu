// Kernels with one fault each: the emulator must detect it and name it.
#include <cooperative_groups.h>
#include <cuda_pipeline.h>

#include "cases.hpp"
#include "missing_barriers.hpp"

namespace groups = cooperative_groups;
using cases::Array;
using cases::expected;
using cases::inCluster;
using cases::launch;
using cases::reversing;
using cases::simple;

namespace {

constexpr unsigned kAll = 0xffffffffu;

// ---- Collectives in which threads are missing ------------------------------------------------------------------

__global__ void divergentBarrier(int* out) {
  if (threadIdx.x < 16) {
    __syncthreads();
  } else {
    out[threadIdx.x] = 1;
    __syncthreads();
  }
}

__global__ void oneBarrierMore(int* out) {
  if (threadIdx.x < 32) __syncthreads();
  out[threadIdx.x] = 1;
  __syncthreads();
}

// Both roles call the same helper, so lines do not tell these apart.
__device__ inline void blockHelper() { __syncthreads(); }
__device__ inline void clusterHelper() { groups::this_cluster().sync(); }
__device__ inline void gridHelper() { groups::this_grid().sync(); }
struct Team {
  __device__ static void sync() { blockHelper(); }
};

__global__ void barrierOfTwoRoles(int* out) {
  if (threadIdx.x < 32) {
    out[threadIdx.x] = 1;
    blockHelper();
  } else {
    blockHelper();
  }
}

__global__ void barrierInTwoLoops(int* out) {
  const auto wait = [] { Team::sync(); };
  if (threadIdx.x < 32) {
    for (int i = 0; i < 3; ++i) wait();
  } else {
    for (int i = 0; i < 3; ++i) wait(), out[threadIdx.x] = i;
  }
}

__global__ void clusterBarrierOfTwoRoles(int* out) {
  if (groups::this_cluster().block_rank() == 0) {
    clusterHelper();
  } else {
    out[threadIdx.x] = 1;
    clusterHelper();
  }
}

__global__ void gridBarrierOfTwoRoles(int* out) {
  if (blockIdx.x == 0) {
    gridHelper();
  } else {
    out[threadIdx.x] = 1;
    gridHelper();
  }
}

__global__ void barrierMeetsVote(int* out) {
  if (threadIdx.x == 5) {
    __syncthreads();
  } else {
    out[threadIdx.x] = static_cast<int>(__ballot_sync(kAll, 1));
  }
}

__global__ void maskWithoutOwnLane(int* out) {
  out[threadIdx.x] = static_cast<int>(__ballot_sync(0xffffu, 1));
}

__global__ void voteInUnevenLoop(int* out, int size) {
  for (int i = static_cast<int>(threadIdx.x); i < size; i += 32) out[i] = __popc(__ballot_sync(kAll, i & 1));
}

__global__ void shuffleAfterExit(int* out) {
  if (threadIdx.x >= 20) return;
  __syncthreads();  // so that the others have left in any order
  out[threadIdx.x] = __shfl_down_sync(kAll, static_cast<int>(threadIdx.x), 1);
}

__global__ void shuffleFromAbsentLane(int* out) {
  if (threadIdx.x < 8) out[threadIdx.x] = __shfl_sync(0xffu, 1, 12);
}

__global__ void differentCollectives(int* out) {
  out[threadIdx.x] =
      static_cast<int>(threadIdx.x < 16 ? __ballot_sync(kAll, 1) : __reduce_add_sync(kAll, 1u));
}

__global__ void differentWidths(int* out) {
  out[threadIdx.x] = __shfl_down_sync(kAll, 1, 1, threadIdx.x < 16 ? 16 : 32);
}

__global__ void gridBarrierAlone(int* out) {
  groups::this_grid().sync();
  out[0] = 1;
}

__global__ void gridBarrierSkipped(int* out) {
  if (threadIdx.x == 3) return;
  groups::this_grid().sync();
  out[threadIdx.x] = 1;
}

__global__ void clusterBarrierSkipped(int* out) {
  if (groups::this_cluster().block_rank() == 1) return;
  groups::this_cluster().sync();
  out[threadIdx.x] = 1;
}

__global__ void arrivesTwice(int* out) {
  __cluster_barrier_arrive();
  __cluster_barrier_arrive_relaxed();
  __cluster_barrier_wait();
  out[threadIdx.x] = 1;
}

__global__ void waitsWithoutArrival(int* out) {
  if (threadIdx.x != 3) __cluster_barrier_arrive();
  __cluster_barrier_wait();
  out[threadIdx.x] = 1;
}

__global__ void clusterArrivalSkipped(int* out) {
  if (groups::this_cluster().block_rank() == 1) return;
  __cluster_barrier_arrive_relaxed();
  __cluster_barrier_wait();
  out[threadIdx.x] = 1;
}

__global__ void arrivalMeetsBarrier(int* out) {
  if (threadIdx.x < 16) {
    groups::this_cluster().sync();
  } else {
    __cluster_barrier_arrive();
    __cluster_barrier_wait();
  }
  out[threadIdx.x] = 1;
}

__global__ void neverWaitsForKernelBefore(int* out) {
  if (blockIdx.x == 0) cudaGridDependencySynchronize();
  out[blockIdx.x * 32 + threadIdx.x] = 1;
}

__global__ void spinsForOtherBlocks(unsigned* arrived) {
  if (threadIdx.x != 0) return;
  atomicAdd(arrived, 1u);
  while (__ldcv(arrived) < gridDim.x) __nanosleep(20);
}

// ---- Shared memory that is not there ---------------------------------------------------------------------------

__global__ void tooMuchStatic(int* out) {
  SHARED_ARRAY(int, big, 12 * 1024 + 1);
  out[threadIdx.x] = big[0];
}

__global__ void staticBesidesDynamic(int* out) {
  SHARED_ARRAY(int, some, 1024);
  DYN_SHARED(int, rest);
  out[threadIdx.x] = some[0] + rest[0];
}

__global__ void dynamicWithoutAny(int* out) {
  DYN_SHARED(int, none);
  out[threadIdx.x] = none[0];
}

__global__ void rankOutsideCluster(int* out) {
  SHARED_ARRAY(int, own, 32);
  out[threadIdx.x] = *groups::this_cluster().map_shared_rank(&own[0], 2);
}

__global__ void globalAsShared(int* out) { *groups::this_cluster().map_shared_rank(out, 0) = 1; }

__global__ void exitedBlockMapped(int* out) {
  SHARED_ARRAY(int, own, 32);
  const auto cluster = groups::this_cluster();
  cluster.sync();
  if (cluster.block_rank() == 1) return;
  for (int i = 0; i < 10000; ++i) __nanosleep(20);
  out[threadIdx.x] = *cluster.map_shared_rank(&own[threadIdx.x], 1);
}

// ---- What only some order of threads shows ---------------------------------------------------------------------

__global__ void uninitialisedShared(int* out) {
  SHARED_ARRAY(float, values, 32);
  if (threadIdx.x < 4) values[threadIdx.x] = 1;
  __syncthreads();
  float sum = 0;
  for (float value : values) sum += value;
  out[threadIdx.x] = sum == 4;
}

// Copies into shared memory without a wait: all but the last group, or never put into a group.
template <bool kCommits, bool kWaits>
__device__ inline void copies(const int* in, int* out) {
  SHARED_ARRAY(int, values, 64);
  for (int i = 0; i < 2; ++i) {
    __pipeline_memcpy_async(&values[i * 32 + threadIdx.x], in + i * 32 + threadIdx.x, sizeof(int));
    if (kCommits) __pipeline_commit();
  }
  if (kWaits) __pipeline_wait_prior(kCommits ? 1 : 0);
  for (int i = 0; i < 2; ++i) out[i * 32 + threadIdx.x] = values[i * 32 + threadIdx.x];
  __pipeline_commit();
  __pipeline_wait_prior(0);
}
__global__ void readsBeforeWait(const int* in, int* out) { copies<true, false>(in, out); }
__global__ void waitsForTooFew(const int* in, int* out) { copies<true, true>(in, out); }
__global__ void copiesInNoGroup(const int* in, int* out) { copies<false, true>(in, out); }

__global__ void neverWaits(int* out) {
  SHARED_ARRAY(int, values, 32);
  __pipeline_memcpy_async(&values[threadIdx.x], out + threadIdx.x, sizeof(int));
  __pipeline_commit();
}
__global__ void copiesToGlobal(int* out) { __pipeline_memcpy_async(out + 32, out, sizeof(int)); }
__global__ void copiesMisaligned(int* out) {
  SHARED_ARRAY(int, values, 32);
  __pipeline_memcpy_async(&values[1], out, 2 * sizeof(int));
}
__global__ void copiesThreeInts(int* out) {
  SHARED_ARRAY(int, values, 32);
  __pipeline_memcpy_async(&values[0], out, 3 * sizeof(int));
}

__global__ void blocksInOrder(int* out) {
  if (threadIdx.x == 0) out[blockIdx.x + 1] = out[blockIdx.x] + 1;
}

__global__ void updateInTwoSteps(int* out) {
  const int before = __ldcv(out);
  __stcg(out, before + 1);
}

// ---- How they are launched -------------------------------------------------------------------------------------

bool uneven() {
  Array<int> out(64);
  launch({}, voteInUnevenLoop, out.data(), 50);
  return true;
}

bool spinning() {
  Array<unsigned> arrived(1);
  launch({64, 32}, spinsForOtherBlocks, arrived.data());
  return true;
}

bool bothKinds() {
  Array<int> out(32);
  launch({1, 32, 46 * 1024}, staticBesidesDynamic, out.data());
  return true;
}

bool overlapping() {
  Array<int> out(64);
  launch({2, 32, 0, false, 0, true}, neverWaitsForKernelBefore, out.data());
  return true;
}

template <void (*kernel)(int*)>
bool cooperative() {
  Array<int> out(32);
  launch({2, 32, 0, true}, kernel, out.data());
  return true;
}

bool uninitialised() {
  Array<int> out(32);
  launch({}, uninitialisedShared, out.data());
  return out.read() == std::vector<int>(32, 1);
}

template <void (*kernel)(const int*, int*)>
bool copying() {
  const std::vector<int> numbers = expected(64, [](int i) { return i; });
  Array<int> in(numbers), out(64);
  launch({}, kernel, static_cast<const int*>(in.data()), out.data());
  return out.read() == numbers;
}

bool inOrder() {
  Array<int> out(9);
  launch({8, 32}, blocksInOrder, out.data());
  return out.read() == expected(9, [](int i) { return i; });
}

bool twoSteps() {
  Array<int> out(1);
  launch({4, 64}, updateInTwoSteps, out.data());
  return out.read() == std::vector<int>{256};
}

const cases::Case all[] = {
    {"divergentBarrier", "any", "divergent barrier: this thread is in __syncthreads at mutants.cu",
     simple<divergentBarrier>},
    {"oneBarrierMore", "any", "divergent barrier", simple<oneBarrierMore, 1, 64>},
    {"barrierOfTwoRoles", "any", "threads come to __syncthreads at mutants.cu",
     simple<barrierOfTwoRoles, 1, 64>},
    {"barrierInTwoLoops", "any", "from two places of the kernel", simple<barrierInTwoLoops, 1, 64>},
    {"clusterBarrierOfTwoRoles", "any", "threads come to cluster.sync at mutants.cu",
     inCluster<clusterBarrierOfTwoRoles>},
    {"gridBarrierOfTwoRoles", "any", "threads come to grid.sync at mutants.cu",
     cooperative<gridBarrierOfTwoRoles>},
    {"barrierMeetsVote", "any", "31 thread(s) wait in __ballot_sync", simple<barrierMeetsVote>},
    {"maskWithoutOwnLane", "any", "mask 0x0000ffff does not name the lane itself",
     simple<maskWithoutOwnLane>},
    {"voteInUnevenLoop", "any", "exit", uneven},
    {"shuffleAfterExit", "any", "mask 0xffffffff names lanes that exited", simple<shuffleAfterExit>},
    {"shuffleFromAbsentLane", "any", "reads lane 12, which is not in mask 0x000000ff",
     simple<shuffleFromAbsentLane>},
    {"differentCollectives", "any", "lanes of one mask are in another collective",
     simple<differentCollectives>},
    {"differentWidths", "any", "lanes of one mask are in another collective", simple<differentWidths>},
    {"gridBarrierAlone", "any", "grid.sync at mutants.cu", simple<gridBarrierAlone, 2>},
    {"gridBarrierSkipped", "any", "62 thread(s) wait in grid.sync", cooperative<gridBarrierSkipped>},
    {"clusterBarrierSkipped", "any", "32 thread(s) wait in cluster.sync", inCluster<clusterBarrierSkipped>},
    {"arrivesTwice", "any", "came before and has not waited", inCluster<arrivesTwice>},
    {"waitsWithoutArrival", "any", "the thread has not come to the barrier", inCluster<waitsWithoutArrival>},
    {"clusterArrivalSkipped", "any", "32 thread(s) wait in __cluster_barrier_wait",
     inCluster<clusterArrivalSkipped>},
    {"arrivalMeetsBarrier", "any", "divergent barrier: this thread is in", inCluster<arrivalMeetsBarrier>},
    {"neverWaitsForKernelBefore", "any", "none of its threads waited for the kernel before it", overlapping},
    {"spinsForOtherBlocks", "any", "spin for a write that no thread makes", spinning},
    {"tooMuchStatic", "any", "49156 bytes of static shared memory", simple<tooMuchStatic>},
    {"staticBesidesDynamic", "any", "cudaFuncSetAttribute has to allow them", bothKinds},
    {"dynamicWithoutAny", "any", "dynamic shared memory in a launch without any", simple<dynamicWithoutAny>},
    {"rankOutsideCluster", "any", "rank 2 of a cluster of 2", inCluster<rankOutsideCluster>},
    {"globalAsShared", "any", "not in the block's shared memory", inCluster<globalAsShared>},
    {"exitedBlockMapped", "any", "block 1 of the cluster has exited", inCluster<exitedBlockMapped>},

    {"neverWaits", "any", "without waiting for 1 of its copies", simple<neverWaits>},
    {"copiesToGlobal", "any", "copy to what is not the block's shared memory", simple<copiesToGlobal>},
    {"copiesMisaligned", "any", "copy that is not aligned to its 8 bytes", simple<copiesMisaligned>},
    {"copiesThreeInts", "any", "copy of 12 bytes", simple<copiesThreeInts>},

    {"missingBarrier", "order", "wrong result", reversing<cases::missingBarrier, 64>},
    {"missingWarpBarrier", "order", "wrong result", reversing<cases::missingWarpBarrier, 32>},
    {"uninitialisedShared", "order", "wrong result", uninitialised},
    {"readsBeforeWait", "order", "wrong result", copying<readsBeforeWait>},
    {"waitsForTooFew", "order", "wrong result", copying<waitsForTooFew>},
    {"copiesInNoGroup", "order", "wrong result", copying<copiesInNoGroup>},
    {"blocksInOrder", "order", "wrong result", inOrder},
    {"updateInTwoSteps", "order", "wrong result", twoSteps},
};

}  // namespace

int main(int argc, char** argv) { return cases::run(all, argc, argv); }
