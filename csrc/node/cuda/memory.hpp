// Device memory as the addon knows it: its own, or memory of another library that it keeps alive. It remembers the streams
// that used it, and is freed only when their work on it is done.
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
  std::shared_ptr<Reaper> reaper;  // set for memory of another library
  Owner owner;                     // keeps that memory alive

  DeviceMemory(int32_t device, void* pointer, size_t bytes)
      : device(device), pointer(pointer), bytes(bytes) {}
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  // The first of `count` bytes from `offset` on. Throws a Failure where they are not all in this memory.
  char* range(uint64_t offset, uint64_t count, const char* argument) const;
  // Called before work that uses it is enqueued on `stream`.
  void noteUse(const StreamPointer& stream);
  // Waits for all work on it, except for work that is being captured, which has not run.
  void settle() const;
};

using MemoryPointer = std::shared_ptr<DeviceMemory>;

// At least one byte. Usable in the order of `stream`, or on any stream at once where that is nullptr or being captured.
MemoryPointer allocateMemory(int32_t device, size_t bytes, const StreamPointer& stream);

}  // namespace jumpout::node
