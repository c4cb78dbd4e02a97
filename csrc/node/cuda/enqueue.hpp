// One operation on a device: finds its stream and its memory, and sees to it that both live as long as they are needed.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

#include "node/cuda/state.hpp"

namespace jumpout::node {

class Enqueue {
 public:
  // Stream 0 is the legacy default stream of `device`.
  Enqueue(State& state, double device, double stream);

  // `bytes` of that memory from `offset` on; nullptr for handle 0.
  void* use(double handle, double offset, size_t bytes, const char* argument);

  // JUMPOUT_WORKSPACE_BYTES for calls of the core on this stream.
  void* workspace();

  // A host array that a captured copy will read or write whenever its graph runs.
  void keepArray(napi_value array);

  const StreamPointer& stream() const { return stream_; }
  int32_t device() const { return stream_->device; }
  void* handle() const { return stream_->handle; }
  bool capturing() const { return capturing_; }

 private:
  void* capturedWorkspace();

  State& state_;
  StreamPointer stream_;
  bool capturing_;
};

}  // namespace jumpout::node
