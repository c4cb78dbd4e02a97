// CUDA graphs. From the first recorded call to the end of the graph, everything that it uses is kept.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <unordered_set>
#include <utility>
#include <vector>

#include "node/cuda/memory.hpp"

namespace jumpout::node {

// What a graph needs to stay alive.
struct Kept {
  std::unordered_set<MemoryPointer> memories;
  std::vector<napi_ref> arrays;  // page-locked host memory that it copies from or to
};

// One that is being recorded.
struct Capture {
  std::vector<StreamPointer> streams;  // the first is where it began; the others were made to wait for it
  std::vector<std::pair<const DeviceStream*, MemoryPointer>> workspaces;
  Kept kept;
};

struct DeviceGraph {
  napi_env env;
  int32_t device;
  void* handle = nullptr;
  Kept kept;
  std::vector<StreamPointer> launched;  // the streams it was launched on

  DeviceGraph(napi_env env, int32_t device) : env(env), device(device) {}
  // In JavaScript's thread.
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  void launch(const StreamPointer& stream);
};

void defineGraphs(napi_env env, napi_value exports);

}  // namespace jumpout::node
