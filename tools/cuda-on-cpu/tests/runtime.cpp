// The runtime API: results, errors and state.
#include <cstdint>
#include <thread>

#include "checks.hpp"

namespace {

using namespace checks;

__global__ void nothing(int*) {}
__global__ void misuses(int*) { __ballot_sync(0, 1); }

cudaPointerAttributes attributesOf(const void* pointer) {
  cudaPointerAttributes attributes;
  GIVES(cudaPointerGetAttributes(&attributes, pointer), cudaSuccess);
  return attributes;
}

// ---- Memory ----------------------------------------------------------------------------------------------------

void registry() {
  char *device, *pinned, *managed, local[4];
  GIVES(cudaSetDevice(1), cudaSuccess);
  GIVES(cudaMalloc(&device, 1000), cudaSuccess);
  GIVES(cudaHostAlloc(&pinned, 1000, cudaHostAllocPortable), cudaSuccess);
  GIVES(cudaMallocManaged(&managed, 1000), cudaSuccess);
  GIVES(cudaSetDevice(0), cudaSuccess);
  CHECK(reinterpret_cast<uintptr_t>(device) % 256 == 0);
  for (const char* pointer : {device, device + 999}) {
    const cudaPointerAttributes found = attributesOf(pointer);
    CHECK(found.type == cudaMemoryTypeDevice && found.device == 1 && found.devicePointer == pointer);
  }
  CHECK(attributesOf(device + 1000).type == cudaMemoryTypeUnregistered);
  CHECK(attributesOf(pinned + 5).type == cudaMemoryTypeHost && attributesOf(pinned).hostPointer == pinned);
  CHECK(attributesOf(managed).type == cudaMemoryTypeManaged && attributesOf(managed).device == 1);
  CHECK(attributesOf(local).type == cudaMemoryTypeUnregistered && attributesOf(local).device < 0);
  CHECK(attributesOf(nullptr).type == cudaMemoryTypeUnregistered);

  unsigned char byte = 0;
  GIVES(cudaMemcpy(&byte, device + 17, 1, cudaMemcpyDeviceToHost), cudaSuccess);
  CHECK(byte == 0xFF);

  GIVES(cudaFree(device + 1), cudaErrorInvalidValue);
  GIVES(cudaFree(local), cudaErrorInvalidValue);
  GIVES(cudaFree(pinned), cudaErrorInvalidValue);
  GIVES(cudaFreeHost(device), cudaErrorInvalidValue);
  GIVES(cudaFree(device), cudaSuccess);
  GIVES(cudaFree(device), cudaErrorInvalidValue);
  CHECK(attributesOf(device).type == cudaMemoryTypeUnregistered);
  GIVES(cudaFreeHost(pinned), cudaSuccess);
  GIVES(cudaFree(managed), cudaSuccess);
  GIVES(cudaFree(nullptr), cudaSuccess);
  GIVES(cudaMalloc(&device, 0), cudaSuccess);
  CHECK(device == nullptr);
}

void copies() {
  const Numbers a(1), b(2);
  GIVES(cudaSetDevice(1), cudaSuccess);
  const Numbers other(3);
  GIVES(cudaSetDevice(0), cudaSuccess);
  std::vector<int> host(32, 4);
  constexpr size_t size = 32 * sizeof(int);

  GIVES(cudaMemcpy(a.data, b.data, size, cudaMemcpyDeviceToDevice), cudaSuccess);
  CHECK(a.at(0) == 2 && a.at(31) == 2);
  GIVES(cudaMemcpy(a.data, other.data, size, cudaMemcpyDefault), cudaSuccess);
  CHECK(a.at(31) == 3);
  GIVES(cudaMemcpyAsync(a.data + 1, host.data(), 8, cudaMemcpyDefault), cudaSuccess);
  CHECK(a.at(0) == 3 && a.at(1) == 4 && a.at(2) == 4 && a.at(3) == 3);
  GIVES(cudaMemset(a.data + 31, 0, 4), cudaSuccess);
  CHECK(a.at(30) == 3 && a.at(31) == 0);

  GIVES(cudaMemcpy(a.data + 1, host.data(), size, cudaMemcpyDefault), cudaErrorInvalidValue);
  GIVES(cudaMemcpy(host.data(), a.data + 1, size, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  GIVES(cudaMemcpy(a.data, host.data(), 4, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  GIVES(cudaMemcpy(host.data() + 1, host.data(), 4, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  GIVES(cudaMemcpy(nullptr, a.data, 4, cudaMemcpyDefault), cudaErrorInvalidValue);
  GIVES(cudaMemcpy(nullptr, nullptr, 0, cudaMemcpyDefault), cudaSuccess);
  GIVES(cudaMemset(a.data + 31, 0, 5), cudaErrorInvalidValue);
  GIVES(cudaMemset(host.data(), 0, 4), cudaErrorInvalidValue);
}

void outOfMemory() {
  void *first, *second;
  size_t left, total;
  GIVES(cudaMalloc(&first, 600000), cudaSuccess);
  GIVES(cudaMemGetInfo(&left, &total), cudaSuccess);
  CHECK(left == 400000 && total == 1000000);
  GIVES(cudaMalloc(&second, 400001), cudaErrorMemoryAllocation);
  GIVES(cudaMallocAsync(&second, 400001, nullptr), cudaErrorMemoryAllocation);
  GIVES(cudaPeekAtLastError(), cudaErrorMemoryAllocation);
  GIVES(cudaGetLastError(), cudaErrorMemoryAllocation);
  GIVES(cudaGetLastError(), cudaSuccess);
  GIVES(cudaMalloc(&second, 400000), cudaSuccess);
  GIVES(cudaFree(first), cudaSuccess);
  GIVES(cudaMalloc(&first, 600000), cudaSuccess);
  GIVES(cudaSetDevice(1), cudaSuccess);
  void* elsewhere;
  GIVES(cudaMalloc(&elsewhere, 1000000), cudaSuccess);
  for (void* each : {first, second, elsewhere}) GIVES(cudaFree(each), cudaSuccess);
}

void pools() {
  cudaMemPoolProps properties = {};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location = {cudaMemLocationTypeDevice, 1};
  cudaMemPool_t pool;
  GIVES(cudaMemPoolCreate(&pool, &properties), cudaSuccess);
  uint64_t number = ~uint64_t{0};
  GIVES(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &number), cudaSuccess);
  void* memory;
  GIVES(cudaMallocFromPoolAsync(&memory, 5000, pool, nullptr), cudaSuccess);
  CHECK(attributesOf(memory).type == cudaMemoryTypeDevice && attributesOf(memory).device == 1);
  GIVES(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &number), cudaSuccess);
  CHECK(number == 5000);
  GIVES(cudaFreeAsync(memory, nullptr), cudaSuccess);
  GIVES(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &number), cudaSuccess);
  CHECK(number == 0);
  GIVES(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemHigh, &number), cudaSuccess);
  CHECK(number == 5000);
  GIVES(cudaMemPoolTrimTo(pool, 0), cudaSuccess);
  GIVES(cudaMemPoolDestroy(pool), cudaSuccess);
  GIVES(cudaMemPoolDestroy(pool), cudaErrorInvalidValue);
  GIVES(cudaMallocFromPoolAsync(&memory, 5000, pool, nullptr), cudaErrorInvalidValue);
}

// ---- Launches --------------------------------------------------------------------------------------------------

void refusals() {
  const Numbers numbers;
  int* const out = numbers.data;
  GIVES(launch(nothing, out, nullptr, 1, 1025), cudaErrorInvalidConfiguration);
  GIVES(launch(nothing, out, nullptr, 1, dim3(32, 33)), cudaErrorInvalidConfiguration);
  GIVES(launch(nothing, out, nullptr, 0, 32), cudaErrorInvalidConfiguration);
  GIVES(launch(nothing, out, nullptr, dim3(1, 65536), 32), cudaErrorInvalidConfiguration);
  GIVES(launch(nothing, out, nullptr, 6, 1024, 0, 1), cudaSuccess);
  GIVES(launch(nothing, out, nullptr, 7, 1024, 0, 1), cudaErrorCooperativeLaunchTooLarge);
  GIVES(launch(nothing, out, nullptr, 8, 32, 0, 0, 8), cudaSuccess);
  GIVES(launch(nothing, out, nullptr, 9, 32, 0, 0, 8), cudaErrorInvalidConfiguration);
  GIVES(launch(nothing, out, nullptr, 16, 32, 0, 0, 16), cudaErrorInvalidClusterSize);
  GIVES(cudaFuncSetAttribute(nothing, cudaFuncAttributeNonPortableClusterSizeAllowed, 1), cudaSuccess);
  GIVES(launch(nothing, out, nullptr, 16, 32, 0, 0, 16), cudaSuccess);
  GIVES(launch(nothing, out, nullptr, 8, 1024, 0, 0, 8), cudaErrorInvalidClusterSize);

  GIVES(launch(nothing, out, nullptr, 1, 32, 49153), cudaErrorInvalidValue);
  GIVES(cudaFuncSetAttribute(nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, 232449),
        cudaErrorInvalidValue);
  GIVES(cudaFuncSetAttribute(nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, 232448), cudaSuccess);
  GIVES(launch(nothing, out, nullptr, 3, 32, 232448, 1), cudaSuccess);
  GIVES(launch(nothing, out, nullptr, 4, 32, 232448, 1), cudaErrorCooperativeLaunchTooLarge);
  cudaFuncAttributes attributes;
  GIVES(cudaFuncGetAttributes(&attributes, nothing), cudaSuccess);
  CHECK(attributes.maxDynamicSharedSizeBytes == 232448 && attributes.maxThreadsPerBlock == 1024);
  GIVES(cudaSetDevice(1), cudaSuccess);
  GIVES(launch(nothing, out, nullptr, 1, 32, 49153), cudaErrorInvalidValue);
}

void occupancy() {
  int blocks = 0;
  const auto with = [&](int threads, size_t bytes) {
    GIVES(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, addOne, threads, bytes), cudaSuccess);
    return blocks;
  };
  CHECK(with(1024, 0) == 2 && with(33, 0) == 32 && with(96, 0) == 21 && with(32, 0) == 32);
  CHECK(with(32, 100000) == 2 && with(32, 232448) == 1 && with(32, 232449) == 0);
  cudaLaunchAttribute cluster = {};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {4, 1, 1};
  const cudaLaunchConfig_t config = {4, 1024, 0, nullptr, &cluster, 1};
  GIVES(cudaOccupancyMaxActiveClusters(&blocks, addOne, &config), cudaSuccess);
  CHECK(blocks == 1);
}

void oldDevice() {
  const Numbers numbers;
  int value = -1;
  GIVES(launch(addOne, numbers.data, nullptr, 2, 32, 0, 0, 2), cudaErrorNotSupported);
  GIVES(cudaDeviceGetAttribute(&value, cudaDevAttrClusterLaunch, 0), cudaSuccess);
  CHECK(value == 0);
  cudaDeviceProp properties;
  GIVES(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  CHECK(properties.major == 8 && properties.minor == 6 && properties.multiProcessorCount == 2);
  GIVES(launch(nothing, numbers.data, nullptr, 4, 1024, 0, 1), cudaSuccess);
  GIVES(launch(nothing, numbers.data, nullptr, 5, 1024, 0, 1), cudaErrorCooperativeLaunchTooLarge);
}

void cooperationRefused() {
  const Numbers numbers;
  int offered;
  GIVES(cudaDeviceGetAttribute(&offered, cudaDevAttrCooperativeLaunch, 0), cudaSuccess);
  CHECK(offered == 1);
  GIVES(launch(addOne, numbers.data, nullptr, 1, 32, 0, 1), cudaErrorCooperativeLaunchTooLarge);
  GIVES(launch(addOne, numbers.data), cudaSuccess);
  CHECK(numbers.at(3) == 1);
}

void withoutCooperation() {
  const Numbers numbers;
  int offered;
  GIVES(cudaDeviceGetAttribute(&offered, cudaDevAttrCooperativeLaunch, 0), cudaSuccess);
  CHECK(offered == 0);
  GIVES(launch(addOne, numbers.data, nullptr, 1, 32, 0, 1), cudaErrorCooperativeLaunchTooLarge);
}

// Two operating system threads, each with its own array, stream and device.
void fromTwoThreads() {
  const auto work = [](int device) {
    GIVES(cudaSetDevice(device), cudaSuccess);
    const Numbers numbers;
    cudaStream_t stream;
    GIVES(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    for (int i = 0; i < 20; ++i) GIVES(launch(addOne, numbers.data, stream), cudaSuccess);
    GIVES(cudaStreamSynchronize(stream), cudaSuccess);
    CHECK(numbers.at(31) == 20);
    GIVES(cudaStreamDestroy(stream), cudaSuccess);
  };
  std::thread first(work, 0), second(work, 1);
  first.join();
  second.join();
}

// ---- Errors that stay ------------------------------------------------------------------------------------------

void expectLost(cudaError_t error) {
  void* memory;
  GIVES(cudaDeviceSynchronize(), error);
  GIVES(cudaMalloc(&memory, 10), error);
  GIVES(cudaStreamSynchronize(nullptr), error);
  GIVES(cudaGetLastError(), error);
  GIVES(cudaGetLastError(), error);
  GIVES(cudaSetDevice(1), cudaSuccess);
  GIVES(cudaMalloc(&memory, 10), cudaSuccess);
  GIVES(cudaFree(memory), cudaSuccess);
  GIVES(cudaGetLastError(), cudaSuccess);
}

void injectedFailure() {
  const Numbers numbers;
  int value = 7;
  GIVES(cudaMemcpyAsync(numbers.data, &value, 4, cudaMemcpyDefault), cudaSuccess);
  GIVES(cudaMemcpyAsync(numbers.data, &value, 4, cudaMemcpyDefault), cudaErrorIllegalAddress);
  expectLost(cudaErrorIllegalAddress);
}

void misuseLosesDevice() {
  const Numbers numbers;
  GIVES(launch(misuses, numbers.data), cudaErrorLaunchFailure);
  expectLost(cudaErrorLaunchFailure);
}

void noDevices() {
  int number = 7;
  GIVES(cudaGetDeviceCount(&number), cudaErrorNoDevice);
  CHECK(number == 0);
  GIVES(cudaGetLastError(), cudaErrorNoDevice);
  GIVES(cudaGetLastError(), cudaSuccess);
  GIVES(cudaDriverGetVersion(&number), cudaSuccess);
  CHECK(number == 0);
  void* memory;
  GIVES(cudaMalloc(&memory, 10), cudaErrorNoDevice);
}

void devicesAndNames() {
  int number = 0;
  GIVES(cudaGetDeviceCount(&number), cudaSuccess);
  CHECK(number == 2);
  GIVES(cudaSetDevice(2), cudaErrorInvalidDevice);
  GIVES(cudaGetDevice(&number), cudaSuccess);
  CHECK(number == 0);
  CHECK(std::string(cudaGetErrorName(cudaErrorMemoryAllocation)) == "cudaErrorMemoryAllocation");
  CHECK(std::string(cudaGetErrorString(cudaErrorMemoryAllocation)) == "out of memory");
  CHECK(std::string(cudaGetErrorName(static_cast<cudaError_t>(12345))) == "unrecognized error code");
}

const cases::Case all[] = {
    {"registry", "control", "", checked<registry>},
    {"copies", "control", "", checked<copies>},
    {"outOfMemory", "control", "CUDA_ON_CPU_MEMORY=1000000", checked<outOfMemory>},
    {"pools", "control", "", checked<pools>},
    {"refusals", "control", "", checked<refusals>},
    {"occupancy", "control", "", checked<occupancy>},
    {"oldDevice", "control", "CUDA_ON_CPU_ARCH=86 CUDA_ON_CPU_SMS=2", checked<oldDevice>},
    {"cooperationRefused", "control", "CUDA_ON_CPU_COOPERATIVE=refuse", checked<cooperationRefused>},
    {"withoutCooperation", "control", "CUDA_ON_CPU_COOPERATIVE=0", checked<withoutCooperation>},
    {"fromTwoThreads", "control", "", checked<fromTwoThreads>},
    {"injectedFailure", "control", "CUDA_ON_CPU_FAIL=cudaMemcpyAsync:2", checked<injectedFailure>},
    {"misuseLosesDevice", "control", "", checked<misuseLosesDevice>},
    {"noDevices", "control", "CUDA_ON_CPU_DEVICES=0", checked<noDevices>},
    {"devicesAndNames", "control", "", checked<devicesAndNames>},
};

}  // namespace

int main(int argc, char** argv) { return cases::run(all, argc, argv); }
