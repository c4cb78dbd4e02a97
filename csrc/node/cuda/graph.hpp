// CUDA graphs, and what they keep alive.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

#include "node/cuda/memory.hpp"
#include "node/cuda/reaper.hpp"

namespace jumpout::node {

// Everything that recorded work uses, from the first call that is recorded on.
struct Kept {
  napi_env env;
  std::unordered_set<MemoryPointer> memories;
  std::vector<napi_ref> arrays;  // page-locked host memory that is copied from or to

  explicit Kept(napi_env env) : env(env) {}
  // On the JavaScript thread.
  ~Kept();
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  void keepArray(napi_value array);
};

struct DeviceGraph {
  int32_t device;
  Kept kept;
  void* handle = nullptr;               // nullptr until its capture has ended
  std::vector<StreamPointer> launched;  // the streams it was launched on

  DeviceGraph(napi_env env, int32_t device) : device(device), kept(env) {}
  // Before what it keeps.
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  void launch(const StreamPointer& stream);
};

using GraphPointer = std::shared_ptr<DeviceGraph>;

// A graph that is being recorded.
struct Capture {
  GraphPointer graph;
  std::vector<StreamPointer> streams;  // the first is where it began; the others were made to wait for it
  std::vector<std::pair<const DeviceStream*, void*>> workspaces;

  void add(const StreamPointer& stream);
  jumpout_status end() noexcept;
};

// The captures of one environment.
class Captures {
 public:
  Captures(napi_env env, Reaper& reaper) : env_(env), reaper_(reaper) {}

  void begin(const StreamPointer& stream);
  // The capture is over even where this fails.
  jumpout_status end(const StreamPointer& stream, GraphPointer& graph) noexcept;
  void abandon() noexcept;
  // A stream of the device that is never captured, for work that a capture must not record.
  const StreamPointer& setupStream(int32_t device);

 private:
  napi_env env_;
  Reaper& reaper_;
  std::vector<std::unique_ptr<Capture>> captures_;
  std::map<int32_t, StreamPointer> setupStreams_;  // by device
};

}  // namespace jumpout::node
