// What the addon keeps for one environment, that is one JavaScript thread: nothing is shared between them.
#pragma once

#include <node_api.h>

#include <memory>
#include <vector>

#include "node/cuda/graph.hpp"
#include "node/cuda/handles.hpp"
#include "node/cuda/memory.hpp"
#include "node/cuda/reaper.hpp"
#include "node/cuda/stream.hpp"

namespace jumpout::node {

struct State {
  explicit State(napi_env env);
  ~State();
  // The environment ends: what is left is waited for, and nothing is put off any more.
  void close();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  napi_env env;
  std::shared_ptr<Reaper> reaper;
  HandleTable<DeviceMemory> memories;
  HandleTable<DeviceStream> streams;
  HandleTable<DeviceGraph> graphs;
  std::vector<MemoryPointer> lentForGood;  // workspaces in graphs of other libraries

  // Handle 0: the legacy default stream of that device. Throws a Failure that names the argument.
  const StreamPointer& stream(double handle, int32_t device, const char* argument);
  const StreamPointer& stream(double handle, const char* argument);
  const MemoryPointer& memory(double handle, const char* argument);

  // In device_graph.cpp.
  void beginCapture(const StreamPointer& stream);
  void joinCapture(const StreamPointer& stream, Capture& capture);
  std::shared_ptr<DeviceGraph> endCapture(const StreamPointer& stream);
  const StreamPointer& setupStream(int32_t device);

 private:
  void abandonCaptures() noexcept;

  std::vector<std::unique_ptr<Capture>> captures_;
  std::vector<StreamPointer> defaultStreams_;  // by device
  std::vector<StreamPointer> setupStreams_;    // by device
};

State& stateOf(napi_env env);

// Once an environment, before anything else.
void createState(napi_env env);

}  // namespace jumpout::node
