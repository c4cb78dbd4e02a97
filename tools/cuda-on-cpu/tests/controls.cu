// Correct kernels: they must pass with these results in every order of threads and in every build.
#include <cooperative_groups.h>
#include <cuda_pipeline.h>

#include "cases.hpp"

namespace groups = cooperative_groups;
using cases::Array;
using cases::expected;
using cases::launch;

namespace {

constexpr unsigned kAll = 0xffffffffu;

// ---- Blocks ----------------------------------------------------------------------------------------------------

__global__ void reverses(int* out) {
  SHARED_ARRAY(int, values, 64);
  static_assert(sizeof values == 64 * sizeof(int), "an array, not a pointer");
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  const int other = values[63 - threadIdx.x];
  __syncthreads();
  values[threadIdx.x] = other;
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}

bool reversing() {
  Array<int> out(64);
  launch({1, 64}, reverses, out.data());
  return out.read() == expected(64, [](int i) { return 63 - i; });
}

__global__ void countsPredicates(int* out) {
  const bool odd = threadIdx.x % 2 == 1;
  const int count = __syncthreads_count(odd);
  const int any = __syncthreads_or(threadIdx.x == 5), none = __syncthreads_or(0);
  const int all = __syncthreads_and(1), notAll = __syncthreads_and(threadIdx.x != 5);
  out[threadIdx.x] = count + 1000 * any + 2000 * none + 4000 * all + 8000 * notAll;
}

bool countingPredicates() {
  Array<int> out(70);
  launch({1, 70}, countsPredicates, out.data());
  return out.read() == std::vector<int>(70, 5035);
}

__global__ void exitsBeforeBarrier(int* out) {
  SHARED_ARRAY(int, value, 1);
  if (threadIdx.x >= 40) return;
  if (threadIdx.x == 7) value[0] = 7;
  __syncthreads();
  out[threadIdx.x] = value[0];
}

bool exitingBeforeBarrier() {
  Array<int> out(64);
  launch({1, 64}, exitsBeforeBarrier, out.data());
  return out.read() == expected(64, [](int i) { return i < 40 ? 7 : 0; });
}

// A helper that is used twice, by all threads; between roles that a compiler would like to keep apart.
__device__ inline void waitForAll() { __syncthreads(); }
template <bool kTwice>
__global__ void meetsBetweenRoles(int* out) {
  SHARED_ARRAY(int, values, 64);
  const bool first = threadIdx.x < 32;
  for (int turn = 0; turn < 4; ++turn) {
    if (first) values[threadIdx.x] = static_cast<int>(threadIdx.x) + turn;
    waitForAll();
    if (!first) values[threadIdx.x] = values[threadIdx.x - 32] + 32;
    if constexpr (kTwice) waitForAll();
    if (!first) out[threadIdx.x] = values[threadIdx.x];
    if (kTwice && first) out[threadIdx.x] = values[threadIdx.x + 32] - 32;
    __syncthreads();
    if (!kTwice && first) out[threadIdx.x] = values[threadIdx.x];
  }
}

bool meetingBetweenRoles() {
  Array<int> once(64), twice(64);
  launch({1, 64}, meetsBetweenRoles<false>, once.data());
  launch({1, 64}, meetsBetweenRoles<true>, twice.data());
  const std::vector<int> wanted = expected(64, [](int i) { return i + 3; });
  return once.read() == wanted && twice.read() == wanted;
}

// In dynamic shared memory; one case needs more than the default limit.
__global__ void addsUp(int* out) {
  DYN_SHARED(int, values);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) values[threadIdx.x] += values[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) out[blockIdx.x] = values[0];
}

bool addingUp() {
  Array<int> out(6);
  launch({3, 128, 128 * sizeof(int)}, addsUp, out.data());
  cases::wellDone(cudaFuncSetAttribute(addsUp, cudaFuncAttributeMaxDynamicSharedMemorySize, 200000));
  launch({3, 128, 200000}, addsUp, out.data() + 3);
  return out.read() == std::vector<int>(6, 127 * 64);
}

// Two copies ahead of what is read; the last groups are empty.
__global__ void copiesAhead(const int* in, int* out) {
  SHARED_ARRAY(int, values, 10 * 32);
  const auto fetch = [&](unsigned i) {
    const unsigned at = i * 32 + threadIdx.x;
    if (i < 10) __pipeline_memcpy_async(&values[at], in + at, sizeof(int));
    __pipeline_commit();
  };
  fetch(0);
  fetch(1);
  for (unsigned i = 0; i < 10; ++i) {
    fetch(i + 2);
    __pipeline_wait_prior(2);
    __syncwarp();
    out[i * 32 + threadIdx.x] = values[i * 32 + (threadIdx.x ^ 1)];
  }
}

bool copyingAhead() {
  Array<int> in(expected(320, [](int i) { return i; })), out(320);
  launch({}, copiesAhead, static_cast<const int*>(in.data()), out.data());
  return out.read() == expected(320, [](int i) { return i ^ 1; });
}

struct Parameters {
  int* out;
  int factor[3];
  float unused;
};
__global__ void countsIn3D(const __grid_constant__ Parameters parameters) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned size = blockDim.x * blockDim.y * blockDim.z;
  parameters.out[block * size + thread] = static_cast<int>(block * size + thread) * parameters.factor[1];
}

bool countingIn3D() {
  Array<int> out(2 * 3 * 4 * 3 * 5 * 2);
  launch({dim3(2, 3, 4), dim3(3, 5, 2)}, countsIn3D, Parameters{out.data(), {0, 2, 0}, 0});
  return out.read() == expected(2 * 3 * 4 * 3 * 5 * 2, [](int i) { return 2 * i; });
}

// ---- Warps -----------------------------------------------------------------------------------------------------

__global__ void votes(unsigned* out) {
  const unsigned lane = threadIdx.x;
  unsigned* row = out + lane * 16;
  row[0] = __ballot_sync(kAll, lane % 3 == 0);
  row[1] = __any_sync(kAll, lane == 9) + 2 * __any_sync(kAll, 0);
  row[2] = __all_sync(kAll, 1) + 2 * __all_sync(kAll, lane != 9);
  row[3] = __match_any_sync(kAll, lane / 10);
  row[4] = __reduce_add_sync(kAll, lane);
  row[5] = static_cast<unsigned>(__reduce_add_sync(kAll, -static_cast<int>(lane)));
  row[6] = __reduce_min_sync(kAll, lane + 3);
  row[7] = __reduce_max_sync(kAll, lane);
  row[8] = __reduce_and_sync(kAll, lane | 8);
  row[9] = __reduce_or_sync(kAll, lane & 6);
  row[10] = __reduce_xor_sync(kAll, 1u << lane);
  // Each half on its own, then all.
  row[11] = lane < 16 ? __ballot_sync(0xffffu, lane & 1) : __ballot_sync(0xffff0000u, !(lane & 1));
  __syncwarp();
  row[12] = lane % 4 == 0 ? __reduce_add_sync(0x11111111u, 1u) : 0;
  row[13] = row[14] = row[15] = 0;
}

bool voting() {
  Array<unsigned> out(32 * 16);
  launch({}, votes, out.data());
  const std::vector<unsigned> rows = out.read();
  if (rows.size() != 32 * 16) return false;
  for (unsigned lane = 0; lane < 32; ++lane) {
    const unsigned same = lane < 10 ? 0x3ffu : lane < 20 ? 0xffc00u : lane < 30 ? 0x3ff00000u : 0xc0000000u;
    const std::vector<unsigned> right = {0x49249249u,
                                         1,
                                         1,
                                         same,
                                         496,
                                         static_cast<unsigned>(-496),
                                         3,
                                         31,
                                         8,
                                         6,
                                         kAll,
                                         lane < 16 ? 0xaaaau : 0x55550000u,
                                         lane % 4 == 0 ? 8u : 0u,
                                         0,
                                         0,
                                         0};
    if (!std::equal(right.begin(), right.end(), rows.begin() + lane * 16)) return false;
  }
  return true;
}

__global__ void shuffles(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  int* row = out + lane * 8;
  row[0] = __shfl_sync(kAll, lane, 5);
  row[1] = __shfl_sync(kAll, lane, 5, 8);
  row[2] = __shfl_up_sync(kAll, lane, 3);
  row[3] = __shfl_up_sync(kAll, lane, 3, 8);
  row[4] = __shfl_down_sync(kAll, lane, 3);
  row[5] = __shfl_down_sync(kAll, lane, 3, 8);
  row[6] = __shfl_xor_sync(kAll, lane, 9);
  row[7] = static_cast<int>(__shfl_sync(kAll, 1.5 * lane, 31 - lane) * 2);
}

bool shuffling() {
  Array<int> out(32 * 8);
  launch({}, shuffles, out.data());
  return out.read() == expected(32 * 8, [](int i) {
           const int lane = i / 8, inEight = lane % 8;
           switch (i % 8) {
             case 0: return 5;
             case 1: return lane - inEight + 5;
             case 2: return lane < 3 ? lane : lane - 3;
             case 3: return inEight < 3 ? lane : lane - 3;
             case 4: return lane > 28 ? lane : lane + 3;
             case 5: return inEight > 4 ? lane : lane + 3;
             case 6: return lane ^ 9;
             default: return 3 * (31 - lane);
           }
         });
}

__global__ void exchangesInWarp(int* out) {
  SHARED_ARRAY(int, values, 20);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncwarp();
  out[threadIdx.x] = values[19 - threadIdx.x];
}

bool exchangingInWarp() {
  Array<int> out(20);
  launch({1, 20}, exchangesInWarp, out.data());
  return out.read() == expected(20, [](int i) { return 19 - i; });
}

// ---- Grids and clusters ----------------------------------------------------------------------------------------

__global__ void addsWithGridBarrier(int* parts, int* sums) {
  const auto grid = groups::this_grid();
  for (int round = 0; round < 3; ++round) {
    if (threadIdx.x == 0) parts[blockIdx.x] = static_cast<int>(blockIdx.x) + round;
    grid.sync();
    int sum = 0;
    for (unsigned i = 0; i < gridDim.x; ++i) sum += parts[i];
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
    grid.sync();
  }
}

bool addingWithGridBarrier() {
  Array<int> parts(6), sums(6);
  launch({6, 64, 0, true}, addsWithGridBarrier, parts.data(), sums.data());
  return sums.read() == std::vector<int>(6, 15 + 6 * 2);
}

__global__ void addsInCluster(int* out) {
  SHARED_ARRAY(int, values, 32);
  DYN_SHARED(int, more);
  const auto cluster = groups::this_cluster();
  values[threadIdx.x] = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  more[threadIdx.x] = 1000 * static_cast<int>(cluster.block_rank());
  cluster.sync();
  int sum = 0;
  for (unsigned rank = 0; rank < cluster.num_blocks(); ++rank) {
    sum += cluster.map_shared_rank(&values[0], static_cast<int>(rank))[threadIdx.x];
    sum += *cluster.map_shared_rank(more + threadIdx.x, static_cast<int>(rank));
  }
  out[blockIdx.x * 32 + threadIdx.x] = sum;
  cluster.sync();  // until all have read
}

bool addingInCluster() {
  Array<int> out(8 * 32);
  launch({8, 32, 32 * sizeof(int), false, 4}, addsInCluster, out.data());
  return out.read() == expected(8 * 32, [](int i) {
           const int first = i / 128 * 4, thread = i % 32;
           return 32 * (4 * first + 6) + 4 * thread + 6000;
         });
}

// One thread of each block waits for the kernel before, which counts; what both only read is read before that.
__global__ void countsOdd(const int* in, int* count) {
  cudaTriggerProgrammaticLaunchCompletion();
  if (in[threadIdx.x] % 2 == 1) atomicAdd(count, 1);
}
__global__ void addsCount(const int* in, int* count, int* out) {
  SHARED_ARRAY(int, known, 1);
  const int own = in[threadIdx.x];
  if (threadIdx.x == 0) {
    cudaGridDependencySynchronize();
    known[0] = *count;
  }
  __syncthreads();
  out[blockIdx.x * 64 + threadIdx.x] = own + known[0];
}

bool overlapping() {
  Array<int> in(expected(64, [](int i) { return i; })), count(1), out(128);
  for (int round = 0; round < 2; ++round) {
    launch({1, 64}, countsOdd, static_cast<const int*>(in.data()), count.data());
    launch({2, 64, 0, false, 0, true}, addsCount, static_cast<const int*>(in.data()), count.data(),
           out.data());
  }
  return out.read() == expected(128, [](int i) { return i % 64 + 64; });
}

// Of two warps one writes to the other block; the other carries nothing, and learns it from its own block. Round by round,
// in two halves, so that a round needs no barrier behind it.
__global__ void handsOnInCluster(int* out) {
  SHARED_ARRAY(int, theirs, 2);
  SHARED_ARRAY(int, known, 2);
  const auto cluster = groups::this_cluster();
  const bool writes = threadIdx.x < 32;
  __cluster_barrier_arrive_relaxed();
  __cluster_barrier_wait();
  int sum = 0;
  for (int round = 0; round < 5; ++round) {
    const int value = 10 * round + static_cast<int>(cluster.block_rank());
    if (threadIdx.x == 0)
      *cluster.map_shared_rank(&theirs[round % 2], static_cast<int>(cluster.block_rank() ^ 1u)) = value;
    if (writes) {
      __cluster_barrier_arrive();
    } else {
      __cluster_barrier_arrive_relaxed();
    }
    __cluster_barrier_wait();
    if (threadIdx.x == 0) known[round % 2] = theirs[round % 2];
    __syncthreads();
    sum += known[round % 2];
  }
  out[blockIdx.x * 64 + threadIdx.x] = sum;
}

bool handingOnInCluster() {
  Array<int> out(4 * 64);
  launch({4, 64, 0, false, 2}, handsOnInCluster, out.data());
  return out.read() == expected(4 * 64, [](int i) { return 100 + 5 * (i / 64 % 2 ^ 1); });
}

// Block 1 of a cooperative launch waits for block 0, and sees what that wrote before.
template <bool viaVolatile>
__global__ void passesOn(unsigned* flag, int* data, int* out) {
  if (blockIdx.x == 0) {
    data[threadIdx.x] = static_cast<int>(threadIdx.x);
    __syncthreads();
    if (threadIdx.x == 0) {
      __threadfence();
      atomicExch(flag, 1u);
    }
    return;
  }
  if (threadIdx.x == 0) {
    while ((viaVolatile ? *static_cast<volatile unsigned*>(flag) : __ldcg(flag)) == 0) __nanosleep(20);
    __threadfence();
  }
  __syncthreads();
  out[threadIdx.x] = data[threadIdx.x];
}

template <bool viaVolatile>
bool passingOn() {
  Array<unsigned> flag(1);
  Array<int> data(32), out(32);
  launch({2, 32, 0, true}, passesOn<viaVolatile>, flag.data(), data.data(), out.data());
  return out.read() == expected(32, [](int i) { return i; });
}

__global__ void lastBlockAdds(int* parts, unsigned* ticket, int* sum) {
  SHARED_ARRAY(unsigned, drawn, 1);
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = static_cast<int>(blockIdx.x);
    __threadfence();
    drawn[0] = atomicInc(ticket, gridDim.x - 1);
    __threadfence();
  }
  __syncthreads();
  if (drawn[0] != gridDim.x - 1 || threadIdx.x != 0) return;
  int total = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) total += parts[i];
  *sum = total;
}

bool lastBlockAdding() {
  Array<int> parts(40), sum(1);
  Array<unsigned> ticket(1);
  for (int i = 0; i < 2; ++i) launch({40, 32}, lastBlockAdds, parts.data(), ticket.data(), sum.data());
  return sum.read() == std::vector<int>{40 * 39 / 2} && ticket.read() == std::vector<unsigned>{0};
}

// ---- Atomics and arithmetic ------------------------------------------------------------------------------------

__global__ void updates(unsigned* words, unsigned long long* wide, int* numbers) {
  const unsigned global = blockIdx.x * blockDim.x + threadIdx.x;
  atomicAdd(&words[0], 1u);
  atomicOr(&words[1], 1u << global % 32);
  atomicAnd(&words[2], ~(1u << global % 16));
  atomicMax(&words[3], global);
  atomicMin(&words[4], global + 7);
  unsigned old = __ldcv(&words[5]), before;
  do {
    before = old;
    old = atomicCAS(&words[5], before, before + 2);
  } while (old != before);
  atomicAdd(wide, 1ull << 33);
  atomicAdd(&numbers[0], -1);
  atomicMin(&numbers[1], -static_cast<int>(global));
}

bool updating() {
  Array<unsigned> words({0, 0, kAll, 0, kAll, 0});
  Array<unsigned long long> wide(1);
  Array<int> numbers(2);
  launch({5, 64}, updates, words.data(), wide.data(), numbers.data());
  return words.read() == std::vector<unsigned>{320, kAll, 0xffff0000u, 319, 7, 640} &&
         wide.read() == std::vector<unsigned long long>{320ull << 33} &&
         numbers.read() == std::vector<int>{-320, -319};
}

__global__ void calculates(unsigned* out) {
  int i = 0;
  out[i++] = static_cast<unsigned>(__popc(0xf0f0u) + __popcll(0xffull << 40));
  out[i++] = static_cast<unsigned>(__ffs(0x50) + 100 * __ffs(0));
  out[i++] = static_cast<unsigned>(__clz(1) + 100 * __clz(0));
  out[i++] = __brev(0x80000003u);
  out[i++] = __umulhi(0xffffffffu, 0xffffffffu);
  out[i++] = static_cast<unsigned>(__umul64hi(1ull << 63, 6));
  out[i++] = __byte_perm(0x33221100u, 0x77665544u, 0x7210u);
  out[i++] = __byte_perm(0x80u, 0x7fu, 0x4c80u);  // selector 8 and c: signs
  out[i++] = __funnelshift_l(0x80000000u, 1, 1);
  out[i++] = __funnelshift_r(0, 1, 1);
  out[i++] = __float_as_uint(__fmul_rn(1.5f, -2.0f));
  out[i++] = __float_as_uint(__uint_as_float(0x7fc00001u));
  out[i++] = static_cast<unsigned>(__dadd_rn(__dmul_rn(1.5, 2.0), 4.0));
  out[i++] = static_cast<unsigned>(max(min(3, 5), -1));
  out[i++] = reinterpret_cast<const uint4*>(out)[0].y;
}

bool calculating() {
  Array<unsigned> out(16);
  launch({1, 1}, calculates, out.data());
  return out.read() == std::vector<unsigned>{16,          5,           3231,        0xc0000001u,
                                             0xfffffffeu, 3,           0x77221100u, 0x7f00ff80u,
                                             3,           0x80000000u, 0xc0400000u, 0x7fc00001u,
                                             7,           3,           5,           0};
}

const cases::Case all[] = {
    {"reverses", "control", "", reversing},
    {"countsPredicates", "control", "", countingPredicates},
    {"exitsBeforeBarrier", "control", "", exitingBeforeBarrier},
    {"meetsBetweenRoles", "control", "", meetingBetweenRoles},
    {"addsUp", "control", "", addingUp},
    {"copiesAhead", "control", "", copyingAhead},
    {"countsIn3D", "control", "", countingIn3D},
    {"votes", "control", "", voting},
    {"shuffles", "control", "", shuffling},
    {"exchangesInWarp", "control", "", exchangingInWarp},
    {"addsWithGridBarrier", "control", "", addingWithGridBarrier},
    {"addsInCluster", "control", "", addingInCluster},
    {"addsCount", "control", "", overlapping},
    {"handsOnInCluster", "control", "", handingOnInCluster},
    {"polls", "control", "", passingOn<false>},
    {"pollsVolatile", "control", "", passingOn<true>},
    {"lastBlockAdds", "control", "", lastBlockAdding},
    {"updates", "control", "", updating},
    {"calculates", "control", "", calculating},
};

}  // namespace

int main(int argc, char** argv) { return cases::run(all, argc, argv); }
