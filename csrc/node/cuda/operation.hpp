// One operation on a device: finds its stream and its memory, and keeps both alive for as long as they are needed.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

#include "node/cuda/state.hpp"

namespace jumpout::node {

class Operation {
 public:
  // Stream 0 is the legacy default stream of `device`.
  Operation(State& state, double device, double stream);

  // `count` elements of that memory from the byte `offset` on; nullptr for handle 0.
  template <typename T>
  T* use(double handle, double offset, size_t count, const char* argument) {
    return static_cast<T*>(useBytes(handle, offset, count * sizeof(T), argument));
  }
  void* useBytes(double handle, double offset, size_t bytes, const char* argument);

  // JUMPOUT_WORKSPACE_BYTES for passes on this stream.
  void* workspace();

  // Keeps a host array alive that a captured copy reads or writes at each launch of its graph.
  void keepArray(napi_value array) { kept().keepArray(array); }

  const StreamPointer& stream() const { return stream_; }
  int32_t device() const { return stream_->device; }
  void* handle() const { return stream_->handle; }
  bool capturing() const { return capturing_; }
  jumpout_status synchronize() const { return stream_->synchronize(); }

 private:
  // Of the graph that is being recorded.
  Kept& kept() const;
  void* capturedWorkspace();
  // Cleared in the order of the stream.
  MemoryPointer makeWorkspace(const StreamPointer& order);

  State& state_;
  StreamPointer stream_;
  bool capturing_;
};

}  // namespace jumpout::node
