// Kernels with one fault each: a sanitizer must detect it and name the place.
#include <cooperative_groups.h>
#include <cuda_pipeline.h>

#include "cases.hpp"
#include "missing_barriers.hpp"

namespace groups = cooperative_groups;
using cases::Array;
using cases::inCluster;
using cases::launch;
using cases::reversing;
using cases::simple;

namespace {

constexpr unsigned kAll = 0xffffffffu;

// ---- What AddressSanitizer and UndefinedBehaviorSanitizer see --------------------------------------------------

__global__ void globalOverrun(int* out) { out[threadIdx.x + 1] = 1; }

__global__ void sharedOverrun(int* out) {
  SHARED_ARRAY(int, values, 32);
  int* first = values;
  first[threadIdx.x + 1] = 1;
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}

__global__ void dynamicOverrun(int* out) {
  DYN_SHARED(int, values);
  values[threadIdx.x + 1] = 1;
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}

__global__ void remoteOverrun(int* out) {
  SHARED_ARRAY(int, values, 32);
  const auto cluster = groups::this_cluster();
  int* remote = cluster.map_shared_rank(&values[0], static_cast<int>(cluster.block_rank() ^ 1u));
  cluster.sync();
  remote[threadIdx.x + 1] = 1;
  cluster.sync();
  out[threadIdx.x] = values[threadIdx.x];
}

__global__ void exitedBlockRead(int* out) {
  SHARED_ARRAY(int, own, 32);
  const auto cluster = groups::this_cluster();
  const int* remote = cluster.map_shared_rank(&own[threadIdx.x], 1);
  cluster.sync();
  if (cluster.block_rank() == 1) return;
  for (int i = 0; i < 10000; ++i) __nanosleep(20);
  out[threadIdx.x] = *remote;
}

__global__ void copyOverrun(int* out) {
  SHARED_ARRAY(int, values, 32);
  __pipeline_memcpy_async(&values[threadIdx.x], out + 33 + threadIdx.x, sizeof(int));
  __pipeline_commit();
  __pipeline_wait_prior(0);
}

__global__ void readsFreedMemory(const int* freed, int* out) { out[threadIdx.x] = freed[threadIdx.x]; }
__global__ void readsOtherDevice(const int* other, int* out) { out[threadIdx.x] = other[threadIdx.x]; }
__global__ void writesOne(int* out) { out[threadIdx.x] = 1; }

__global__ void misalignedLoad(const int* in, int* out) {
  out[threadIdx.x] = static_cast<int>(reinterpret_cast<const float4*>(in + 1)->x);
}

__global__ void tooLargeForInteger(const float* in, int* out) {
  out[threadIdx.x] = static_cast<int>(in[threadIdx.x]);
}

__global__ void shiftsTooFar(int distance, int* out) { out[threadIdx.x] = 1 << distance; }

// ---- What ThreadSanitizer sees ---------------------------------------------------------------------------------

__global__ void missingSecondBarrier(int* out) {
  SHARED_ARRAY(int, values, 64);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  const int other = values[63 - threadIdx.x];
  values[threadIdx.x] = other;
  out[threadIdx.x] = other;
}

__global__ void voteAsBarrier(int* out) {
  SHARED_ARRAY(int, values, 32);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __ballot_sync(kAll, 1);
  out[threadIdx.x] = values[31 - threadIdx.x];
}

__global__ void wrongHalfWaits(int* out) {
  SHARED_ARRAY(int, values, 32);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncwarp(threadIdx.x < 16 ? 0xffffu : 0xffff0000u);
  out[threadIdx.x] = values[31 - threadIdx.x];
}

__global__ void readsCopyOfOtherLane(int* out) {
  SHARED_ARRAY(int, values, 32);
  __pipeline_memcpy_async(&values[threadIdx.x], out + threadIdx.x, sizeof(int));
  __pipeline_commit();
  __pipeline_wait_prior(0);
  out[32 + threadIdx.x] = values[31 - threadIdx.x];
}

__global__ void blocksUpdateOneWord(int* out) {
  if (threadIdx.x == 0) out[0] += 1;
}

__global__ void clusterWithoutBarrier(int* out) {
  SHARED_ARRAY(int, values, 32);
  const auto cluster = groups::this_cluster();
  cluster.sync();
  values[threadIdx.x] = static_cast<int>(cluster.block_rank());
  __syncthreads();
  out[blockIdx.x * 32 + threadIdx.x] = *cluster.map_shared_rank(&values[threadIdx.x], 0);
  cluster.sync();
}

// The thread that writes to the other block arrives as if it had written nothing.
__global__ void relaxedArrivalWithData(int* out) {
  SHARED_ARRAY(int, values, 1);
  const auto cluster = groups::this_cluster();
  cluster.sync();
  if (threadIdx.x == 0) *cluster.map_shared_rank(&values[0], static_cast<int>(cluster.block_rank() ^ 1u)) = 1;
  __cluster_barrier_arrive_relaxed();
  __cluster_barrier_wait();
  out[blockIdx.x * 32 + threadIdx.x] = values[0];
}

// Begins before the kernel that writes `values` is done, and reads or writes them too early.
__global__ void writesValues(int* values) {
  cudaTriggerProgrammaticLaunchCompletion();
  values[threadIdx.x] = 1;
}
__global__ void readsTooEarly(int* values, int* out) {
  const int value = values[threadIdx.x];
  cudaGridDependencySynchronize();
  out[threadIdx.x] = value;
}
__global__ void writesTooEarly(int* values, int* out) {
  values[threadIdx.x] = 2;
  cudaGridDependencySynchronize();
  out[threadIdx.x] = 1;
}
__global__ void lanesDoNotWait(int* values, int* out) {
  if (threadIdx.x == 0) cudaGridDependencySynchronize();
  out[threadIdx.x] = values[threadIdx.x];
}

// The last block adds up what all have left behind; `fences` says which of the two fences it has.
__device__ void lastBlockAdds(int* parts, unsigned* ticket, int* sum, bool before, bool after) {
  SHARED_ARRAY(unsigned, drawn, 1);
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = static_cast<int>(blockIdx.x);
    if (before) __threadfence();
    drawn[0] = atomicInc(ticket, gridDim.x - 1);
    if (after) __threadfence();
  }
  __syncthreads();
  if (drawn[0] != gridDim.x - 1 || threadIdx.x != 0) return;
  int total = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) total += parts[i];
  *sum = total;
}
__global__ void missingFence(int* parts, unsigned* ticket, int* sum) {
  lastBlockAdds(parts, ticket, sum, false, true);
}
__global__ void missingSecondFence(int* parts, unsigned* ticket, int* sum) {
  lastBlockAdds(parts, ticket, sum, true, false);
}

__global__ void pollsPlainFlag(int* flag) {
  if (blockIdx.x == 0 && threadIdx.x == 0) *flag = 1;
  if (blockIdx.x == 1 && threadIdx.x == 0) {
    while (*const_cast<volatile int*>(flag) == 0) __nanosleep(20);
  }
}

// ---- How they are launched -------------------------------------------------------------------------------------

template <void (*kernel)(int*, unsigned*, int*)>
bool lastBlock() {
  Array<int> parts(40), sum(1);
  Array<unsigned> ticket(1);
  launch({40, 32}, kernel, parts.data(), ticket.data(), sum.data());
  return sum.read() == std::vector<int>{40 * 39 / 2};
}

bool overrunningGlobal() {
  Array<int> out(32);
  launch({}, globalOverrun, out.data());
  return true;
}

bool overrunningDynamic() {
  Array<int> out(32);
  launch({1, 32, 32 * sizeof(int)}, dynamicOverrun, out.data());
  return true;
}

bool freed() {
  Array<int> out(32);
  const int* memory;
  {
    Array<int> gone(32);
    memory = gone.data();
  }
  launch({}, readsFreedMemory, memory, out.data());
  return true;
}

bool ofOtherDevice() {
  cudaSetDevice(1);
  Array<int> other(32);
  cudaSetDevice(0);
  Array<int> out(32);
  launch({}, readsOtherDevice, static_cast<const int*>(other.data()), out.data());
  return true;
}

bool hostReadsDeviceMemory() {
  Array<int> out(32);
  launch({}, writesOne, out.data());
  return out.data()[3] == 1;
}

bool misaligned() {
  Array<int> in(32), out(32);
  launch({}, misalignedLoad, static_cast<const int*>(in.data()), out.data());
  return true;
}

bool tooLarge() {
  Array<float> in(32, 5e9f);
  Array<int> out(32);
  launch({}, tooLargeForInteger, static_cast<const float*>(in.data()), out.data());
  return true;
}

bool tooFar() {
  Array<int> out(32);
  launch({}, shiftsTooFar, 40, out.data());
  return true;
}

template <void (*kernel)(int*, int*)>
bool overlapping() {
  Array<int> values(32), out(32);
  launch({}, writesValues, values.data());
  launch({1, 32, 0, false, 0, true}, kernel, values.data(), out.data());
  return true;
}

bool polling() {
  Array<int> flag(1);
  launch({2, 32, 0, true}, pollsPlainFlag, flag.data());
  return true;
}

const cases::Case all[] = {
    {"globalOverrun", "address", "heap-buffer-overflow", overrunningGlobal},
    {"sharedOverrun", "address", "heap-buffer-overflow", simple<sharedOverrun>},
    {"dynamicOverrun", "address", "heap-buffer-overflow", overrunningDynamic},
    {"remoteOverrun", "address", "heap-buffer-overflow", inCluster<remoteOverrun>},
    {"copyOverrun", "address", "heap-buffer-overflow", simple<copyOverrun>},
    {"exitedBlockRead", "address", "use-after-poison", inCluster<exitedBlockRead>},
    {"readsFreedMemory", "address", "heap-use-after-free", freed},
    {"readsOtherDevice", "address", "use-after-poison", ofOtherDevice},
    {"hostReadsDeviceMemory", "address", "use-after-poison", hostReadsDeviceMemory},
    {"misalignedLoad", "address", "misaligned address", misaligned},
    {"tooLargeForInteger", "address", "is outside the range of representable values", tooLarge},
    {"shiftsTooFar", "address", "shift exponent 40 is too large", tooFar},

    {"missingBarrier", "thread", "data race", reversing<cases::missingBarrier, 64>},
    {"missingWarpBarrier", "thread", "data race", reversing<cases::missingWarpBarrier, 32>},
    {"missingSecondBarrier", "thread", "data race", reversing<missingSecondBarrier, 64>},
    {"voteAsBarrier", "thread", "data race", reversing<voteAsBarrier, 32>},
    {"wrongHalfWaits", "thread", "data race", reversing<wrongHalfWaits, 32>},
    {"readsCopyOfOtherLane", "thread", "data race", simple<readsCopyOfOtherLane>},
    {"blocksUpdateOneWord", "thread", "data race", simple<blocksUpdateOneWord, 8>},
    {"clusterWithoutBarrier", "thread", "data race", inCluster<clusterWithoutBarrier>},
    {"relaxedArrivalWithData", "thread", "data race", inCluster<relaxedArrivalWithData>},
    {"readsTooEarly", "thread", "data race", overlapping<readsTooEarly>},
    {"writesTooEarly", "thread", "data race", overlapping<writesTooEarly>},
    {"lanesDoNotWait", "thread", "data race", overlapping<lanesDoNotWait>},
    {"missingFence", "thread", "data race", lastBlock<missingFence>},
    {"missingSecondFence", "thread", "data race", lastBlock<missingSecondFence>},
    {"pollsPlainFlag", "thread", "data race", polling},
};

}  // namespace

int main(int argc, char** argv) { return cases::run(all, argc, argv); }
