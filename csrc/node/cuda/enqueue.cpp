#include "node/cuda/enqueue.hpp"

#include "node/descriptor.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

namespace {

constexpr double kDevices = 1 << 20;  // more than any machine has; what is no device is found out later

int32_t deviceOf(double device) { return static_cast<int32_t>(integerBelow(kDevices, device)); }

}  // namespace

Enqueue::Enqueue(State& state, double device, double stream)
    : state_(state),
      stream_(state.stream(stream, deviceOf(device), "options.stream")),
      capturing_(stream_->capturing()) {}

void* Enqueue::use(double handle, double offset, size_t bytes, const char* argument) {
  if (handle == 0.0) return nullptr;
  const MemoryPointer& memory = state_.memory(handle, argument);
  if (memory->device != device()) throw wrongDevice("memory", device(), argument, memory->device);
  const uint64_t begin = integerBelow(kExactIntegers, offset);
  if (begin > memory->bytes || bytes > memory->bytes - begin) throw failureOf(JUMPOUT_BAD_LENGTH, argument);
  if (!capturing_) {
    memory->noteUse(stream_);
  } else if (stream_->capture != nullptr) {
    stream_->capture->kept.memories.insert(memory);
  }
  return static_cast<char*>(memory->pointer) + begin;
}

void* Enqueue::workspace() {
  if (capturing_) return capturedWorkspace();
  if (stream_->workspace == nullptr) {
    void* memory = nullptr;
    require(jumpout_cuda_allocate(device(), JUMPOUT_WORKSPACE_BYTES, handle(), 0, &memory), kNoNames);
    const jumpout_status status = jumpout_cuda_fill(device(), memory, 0, JUMPOUT_WORKSPACE_BYTES, handle());
    if (status != JUMPOUT_OK) {
      const Outcome outcome = outcomeOf(status);
      void* const stream = handle();
      jumpout_cuda_free(device(), memory, &stream, 1);
      throw failureOf(outcome, kNoNames);
    }
    stream_->workspace = memory;
  }
  return stream_->workspace;
}

// A graph has its own, since it may run while the stream that it was recorded on does something else. That it is cleared
// is part of the recording, before its first use.
void* Enqueue::capturedWorkspace() {
  Capture* capture = stream_->capture;
  if (capture != nullptr) {
    for (const auto& [stream, memory] : capture->workspaces) {
      if (stream == stream_.get()) return memory->pointer;
    }
  }
  MemoryPointer memory = allocateMemory(device(), JUMPOUT_WORKSPACE_BYTES, nullptr);
  require(jumpout_cuda_fill(device(), memory->pointer, 0, JUMPOUT_WORKSPACE_BYTES, handle()), kNoNames);
  void* const pointer = memory->pointer;
  if (capture != nullptr) {
    capture->workspaces.push_back({stream_.get(), memory});
    capture->kept.memories.insert(std::move(memory));
  } else {
    // Somebody else's graph: nobody says when it ends, so this stays for as long as JavaScript does.
    state_.lentForGood.push_back(std::move(memory));
  }
  return pointer;
}

void Enqueue::keepArray(napi_value array) {
  if (!capturing_ || stream_->capture == nullptr) return;
  napi_ref reference;
  check(napi_create_reference(state_.env, array, 1, &reference));
  stream_->capture->kept.arrays.push_back(reference);
}

}  // namespace jumpout::node
