// Device memory as the addon knows it: its own, or somebody else's that is kept alive. It remembers the streams that used
// it, and goes only when their work on it is done.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "node/cuda/reaper.hpp"
#include "node/cuda/stream.hpp"

namespace jumpout::node {

struct DeviceMemory {
  int32_t device;
  void* pointer;
  size_t bytes;
  std::vector<StreamPointer> uses;
  // Set for memory of somebody else, whom `release` tells that it is not needed any more.
  std::shared_ptr<Reaper> reaper;
  Release release;

  DeviceMemory(int32_t device, void* pointer, size_t bytes)
      : device(device), pointer(pointer), bytes(bytes) {}
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  // Before work on `stream` that uses it is enqueued.
  void noteUse(const StreamPointer& stream);
};

using MemoryPointer = std::shared_ptr<DeviceMemory>;

// At least one byte; usable on any stream at once where `stream` is nullptr or being captured, else in its order.
MemoryPointer allocateMemory(int32_t device, size_t bytes, const StreamPointer& stream);

}  // namespace jumpout::node
