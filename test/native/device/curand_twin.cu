// Checks with cuRAND's own headers that the generator and the normal value of docs/numerics.md are cuRAND's.
#define QUALIFIERS static inline __host__ __device__
#include <cuda_runtime.h>
#include <curand_kernel.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "core/half_gaussian.hpp"
#include "curand_twin.hpp"

namespace {

struct Outcome {
  unsigned long long draws, words, normals;  // compared, and how many differ
};

struct Where {
  uint64_t seed, call, index;
};

// Anywhere that a call can be, with small numbers as likely as large ones.
__host__ __device__ Where placeOf(uint64_t seed, uint64_t draw) {
  const jumpout::PhiloxWords r = jumpout::philox4x32_10(seed, 1, draw),
                             s = jumpout::philox4x32_10(seed, 2, draw);
  const uint64_t call = (r.word[0] | static_cast<uint64_t>(r.word[1]) << 32) >> 1 >> (s.word[0] % 63);
  const uint64_t index = (r.word[2] | static_cast<uint64_t>(r.word[3]) << 32) >> 2 >> (s.word[1] % 61);
  return {s.word[2] | static_cast<uint64_t>(s.word[3]) << 32, call, index};
}

__host__ __device__ bool wordsDiffer(const Where& at) {
  curandStatePhilox4_32_10_t state;
  curand_init(at.seed, jumpout::keepSubsequence(at.call), 4 * at.index, &state);
  const uint4 theirs = curand4(&state);
  const jumpout::PhiloxWords ours =
      jumpout::philox4x32_10(at.seed, jumpout::keepSubsequence(at.call), at.index);
  return theirs.x != ours.word[0] || theirs.y != ours.word[1] || theirs.z != ours.word[2] ||
         theirs.w != ours.word[3];
}

__host__ __device__ double normalOfCurand(const Where& at) {
  curandStatePhilox4_32_10_t state;
  curand_init(at.seed, jumpout::rateSubsequence(at.call), 4 * at.index, &state);
  return curand_normal2_double(&state).x;
}

__global__ void compare(uint64_t seed, uint64_t draws, Outcome* outcome) {
  const uint64_t stride = static_cast<uint64_t>(gridDim.x) * blockDim.x;
  for (uint64_t draw = static_cast<uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; draw < draws;
       draw += stride) {
    const Where at = placeOf(seed, draw);
    const double theirs = normalOfCurand(at), ours = jumpout::drawNormal(at.seed, at.call, at.index);
    atomicAdd(&outcome->draws, 1ull);
    if (wordsDiffer(at)) atomicAdd(&outcome->words, 1ull);
    if (__double_as_longlong(theirs) != __double_as_longlong(ours)) atomicAdd(&outcome->normals, 1ull);
  }
}

// On the host cuRAND multiplies by pi before it reduces, so its sine is good to an ulp of the product and no better.
Outcome compareOnHost(uint64_t seed, uint64_t draws) {
  Outcome outcome = {};
  for (uint64_t draw = 0; draw < draws; ++draw) {
    const Where at = placeOf(seed, draw);
    const double theirs = normalOfCurand(at), ours = jumpout::drawNormal(at.seed, at.call, at.index);
    ++outcome.draws;
    outcome.words += wordsDiffer(at);
    outcome.normals += !(std::fabs(theirs - ours) <= 0x1p-47);
  }
  return outcome;
}

cudaError_t compareOnDevice(uint64_t seed, uint64_t draws, Outcome& outcome) {
  Outcome* found = nullptr;
  cudaError_t error = cudaMalloc(&found, sizeof outcome);
  if (error == cudaSuccess) error = cudaMemset(found, 0, sizeof outcome);
  if (error == cudaSuccess) {
    compare<<<1024, 256>>>(seed, draws, found);
    error = cudaGetLastError();
  }
  if (error == cudaSuccess) error = cudaMemcpy(&outcome, found, sizeof outcome, cudaMemcpyDeviceToHost);
  cudaFree(found);
  return error;
}

bool agrees(const Outcome& outcome) {
  return outcome.draws > 0 && outcome.words == 0 && outcome.normals == 0;
}

std::string textOf(const Outcome& outcome) {
  char text[128];
  std::snprintf(text, sizeof text, "{ \"draws\": %llu, \"wordsDiffer\": %llu, \"normalsDiffer\": %llu }",
                outcome.draws, outcome.words, outcome.normals);
  return text;
}

}  // namespace

int device_tests::compareCurand(uint64_t draws, uint64_t seed, const std::string& json) {
  const Outcome host = compareOnHost(seed, draws < 1000000 ? draws : 1000000);
  std::printf("cuRAND against its twin on the host: %s\n", textOf(host).c_str());
  Outcome device = {};
  const cudaError_t error = compareOnDevice(seed, draws, device);
  const bool ran = error == cudaSuccess;
  if (ran)
    std::printf("cuRAND against its twin on the device: %s\n", textOf(device).c_str());
  else
    std::printf("cuRAND against its twin on the device: not run, %s\n", cudaGetErrorString(error));
  const bool passed = agrees(host) && (!ran || (agrees(device) && device.draws == draws));
  if (!json.empty())
    std::ofstream(json) << "{\n  \"program\": \"jumpout_device_tests --curand\",\n  \"host\": "
                        << textOf(host) << ",\n  \"device\": " << (ran ? textOf(device) : "null")
                        << ",\n  \"passed\": " << (passed && ran ? "true" : "false") << "\n}\n";
  return !passed ? 1 : ran ? 0 : 2;
}
