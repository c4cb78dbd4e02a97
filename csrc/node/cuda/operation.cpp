#include "node/cuda/operation.hpp"

#include <utility>

#include "node/descriptor.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

Operation::Operation(State& state, double device, double stream)
    : state_(state),
      stream_(state.stream(stream, deviceOf(device), "options.stream")),
      capturing_(stream_->capturing()) {}

void* Operation::useBytes(double handle, double offset, size_t bytes, const char* argument) {
  if (handle == 0.0) return nullptr;
  const MemoryPointer& memory = state_.memory(handle, argument);
  if (memory->device != device()) throw wrongDevice("memory", device(), argument, memory->device);
  char* const first = memory->range(integerBelow(kExactIntegers, offset), bytes, argument);
  if (capturing_) {
    kept().memories.insert(memory);
  } else {
    memory->noteUse(stream_);
  }
  return first;
}

Kept& Operation::kept() const {
  return stream_->capture != nullptr ? stream_->capture->graph->kept : state_.lentForGood;
}

void* Operation::workspace() {
  if (capturing_) return capturedWorkspace();
  if (stream_->workspace == nullptr) {
    stream_->workspace = std::exchange(makeWorkspace(stream_)->pointer, nullptr);
  }
  return stream_->workspace;
}

MemoryPointer Operation::makeWorkspace(const StreamPointer& order) {
  MemoryPointer memory = allocateMemory(device(), JUMPOUT_WORKSPACE_BYTES, order);
  require(jumpout_cuda_fill(device(), memory->pointer, 0, JUMPOUT_WORKSPACE_BYTES, handle()), kNoNames);
  return memory;
}

// A graph has workspaces of its own, since it may run while the stream that it was recorded on does something else. The
// recording clears each before its first use.
void* Operation::capturedWorkspace() {
  Capture* const capture = stream_->capture;
  if (capture != nullptr) {
    for (const auto& [stream, workspace] : capture->workspaces) {
      if (stream == stream_.get()) return workspace;
    }
  }
  const MemoryPointer memory = makeWorkspace(nullptr);
  kept().memories.insert(memory);
  if (capture != nullptr) capture->workspaces.push_back({stream_.get(), memory->pointer});
  return memory->pointer;
}

}  // namespace jumpout::node
