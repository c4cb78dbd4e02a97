// The state of the runtime API, under one lock: devices run one piece of work at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "cuda_on_cpu/calls.h"
#include "cuda_runtime_api.h"
#include "settings.hpp"

namespace cuda_on_cpu {

// Work of a device, done at once or kept in a graph.
using Work = std::function<cudaError_t()>;

// Work that is recorded instead of done, from cudaStreamBeginCapture to cudaStreamEndCapture.
struct Capture {
  CUstream_st* origin;
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  bool invalid = false;
  std::vector<Work> works;
  std::vector<CUstream_st*> streams;
};

struct FunctionState {
  size_t dynamicLimit = 0;  // 0: what the attribute was not set to
  size_t staticBytes = 0;   // as seen in its launches
  bool bigClusters = false;
};

struct Allocation {
  size_t bytes;
  int device;
  cudaMemoryType type;
  CUmemPoolHandle_st* pool;
};

}  // namespace cuda_on_cpu

struct CUstream_st {
  int device;
  bool blocking;  // waits for the legacy stream, which waits for it
  std::shared_ptr<cuda_on_cpu::Capture> capture;
  uint64_t captured = 0;  // works recorded so far
  bool joined = true;     // all of them come before something in another stream of the capture
};

struct CUmemPoolHandle_st {
  int device;
  uint64_t releaseThreshold = 0;
  uint64_t used = 0, usedHigh = 0;
};

struct CUgraph_st {
  std::vector<cuda_on_cpu::Work> works;
};

struct CUgraphExec_st {
  std::shared_ptr<const std::vector<cuda_on_cpu::Work>> works;
};

namespace cuda_on_cpu {

struct Device {
  cudaError_t lost = cudaSuccess;  // the error of every call once the device is lost
  size_t used = 0;
  CUstream_st legacy;
  CUmemPoolHandle_st pool;
  std::map<const void*, FunctionState> functions;
};

struct State {
  std::mutex mutex;
  std::vector<Device> devices;
  std::map<uintptr_t, Allocation> memory;
  std::set<CUstream_st*> streams;
  std::set<CUevent_st*> events;
  std::set<CUmemPoolHandle_st*> pools;
  std::set<CUgraph_st*> graphs;
  std::set<CUgraphExec_st*> executables;
  std::vector<std::shared_ptr<Capture>> captures;
  uint64_t callsToFail = 0, callsToRefuse = 0;
};
State& state();

int currentDevice();
Device& deviceOf(int number);

// ---- Calls -----------------------------------------------------------------------------------------------------

// Takes the lock, unless the call fails at once; `needsDevice` calls fail on a device that is lost.
cudaError_t enter(const char* name, bool needsDevice);
cudaError_t leave(cudaError_t result);

// The common part of all functions of the API.
template <class Body>
cudaError_t call(const char* name, Body body, bool needsDevice = true) {
  const CallInProgress inside;
  const cudaError_t error = enter(name, needsDevice);
  return error != cudaSuccess ? error : leave(body());
}

// The callback of a program; the lock is free meanwhile.
void callHost(cudaHostFn_t function, void* userData);

// ---- Streams ---------------------------------------------------------------------------------------------------

// Null for an invalid handle.
CUstream_st* find(cudaStream_t stream);
cudaError_t submit(CUstream_st& stream, Work work);
// From now on the device is lost.
cudaError_t lose(int device, cudaError_t error);

// For calls such as cudaMalloc, which a capture forbids: they invalidate it.
cudaError_t checkUnsafe();
bool isCapturing(const CUstream_st& stream);
cudaError_t invalidate(Capture& capture, cudaError_t error);

// Opens the memory of the device to a kernel that runs on it, and closes it afterwards.
void openMemory(int device);
void closeMemory(int device);

}  // namespace cuda_on_cpu
