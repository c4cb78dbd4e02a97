// The state of the addon per environment, that is per JavaScript thread. Environments share nothing.
#pragma once

#include <node_api.h>

#include <map>
#include <memory>

#include "node/cuda/graph.hpp"
#include "node/cuda/handles.hpp"
#include "node/cuda/memory.hpp"
#include "node/cuda/reaper.hpp"
#include "node/cuda/stream.hpp"

namespace jumpout::node {

struct State {
  explicit State(napi_env env);
  ~State();
  // When the environment ends: waits for outstanding work. From then on, releasing memory waits for the work on it.
  void close();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  napi_env env;
  std::shared_ptr<Reaper> reaper;
  HandleTable<DeviceMemory> memories;
  HandleTable<DeviceStream> streams;
  HandleTable<DeviceGraph> graphs;
  KnownStreams knownStreams;
  Captures captures;
  Kept lentForGood;  // to graphs of other libraries, whose end is unknown

  // Handle 0: the legacy default stream of that device. Throws a Failure that names the argument.
  const StreamPointer& stream(double handle, int32_t device, const char* argument);
  const StreamPointer& stream(double handle, const char* argument);
  const MemoryPointer& memory(double handle, const char* argument);

 private:
  std::map<int32_t, StreamPointer> defaultStreams_;  // by device
};

// Throws a Failure that names the argument.
int32_t existingDevice(double device, const char* argument);

State& stateOf(napi_env env);

// Once per environment, before anything else.
void createState(napi_env env);

}  // namespace jumpout::node
