#include "node/cuda/memory.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "node/cuda/state.hpp"
#include "node/exports.hpp"

namespace jumpout::node {

namespace {

constexpr ArgumentNames kPointerNames{"pointer", {}};

// Long-lived memory must not keep every stream alive that ever used it. Once `stream` waits for a stream that JavaScript
// released, one use on `stream` covers both.
void forgetGoneStreams(std::vector<StreamPointer>& uses, const DeviceStream& stream) {
  std::erase_if(uses, [&](const StreamPointer& use) {
    return use->gone() && jumpout_cuda_stream_wait(stream.device, stream.handle, use->handle) == JUMPOUT_OK;
  });
}

// JavaScript's heap does not show the size of arrays on devices.
void tellGarbageCollector(napi_env env, const DeviceMemory& memory, int sign) {
  int64_t total;
  napi_adjust_external_memory(env, sign * static_cast<int64_t>(memory.bytes), &total);
}

// Now, and not at the launches of a graph.
void clearAtOnce(State& state, const MemoryPointer& memory) {
  const StreamPointer& stream = state.captures.setupStream(memory->device);
  memory->noteUse(stream);
  require(jumpout_cuda_fill(memory->device, memory->pointer, 0, memory->bytes, stream->handle), kNoNames);
  require(stream->synchronize(), kNoNames);
}

// allocate(device, bytes, stream, cleared): in the order of the stream, or with -1 on any stream at once. `cleared`: zeros,
// except in the order of a stream that is not being captured, whose work will write them.
double allocate(const Call& call) {
  State& state = stateOf(call.env);
  const int32_t device = existingDevice(call.number(0, "device"), "options.device");
  const uint64_t bytes = call.integer(1, "bytes");
  const double stream = call.number(2, "stream");
  const StreamPointer order = stream < 0.0 ? nullptr : state.stream(stream, device, "options.stream");
  const MemoryPointer memory = allocateMemory(device, bytes, order);
  if (call.boolean(3, "cleared") && (order == nullptr || order->capturing())) clearAtOnce(state, memory);
  tellGarbageCollector(call.env, *memory, 1);
  return state.memories.add(memory);
}

// memoryOf(pointer): the device, or -1 for memory of the host and memory that CUDA does not know.
double memoryOf(const Call& call) {
  jumpout_memory memory;
  require(jumpout_cuda_memory_of(call.pointer(0, "pointer"), &memory), kPointerNames);
  const bool reachable = memory.kind == JUMPOUT_MEMORY_DEVICE || memory.kind == JUMPOUT_MEMORY_MANAGED;
  return reachable ? memory.device : -1;
}

// wrapMemory(pointer, bytes, device, owner): `owner` is kept alive until the work on the memory is done.
double wrapMemory(const Call& call) {
  State& state = stateOf(call.env);
  const int32_t device = existingDevice(call.number(2, "device"), "options.device");
  const uint64_t bytes = call.integer(1, "bytes");
  auto memory = std::make_shared<DeviceMemory>(device, call.pointer(0, "pointer"), bytes);
  memory->reaper = state.reaper;
  if (!call.isUndefined(3)) memory->owner = state.reaper->ownerOf(call.values[3]);
  return state.memories.add(std::move(memory));
}

Napi::BigInt pointer(const Call& call) {
  const MemoryPointer& memory = stateOf(call.env).memory(call.number(0, "memory"), "pointer");
  return Napi::BigInt::New(call.env, uint64_t{reinterpret_cast<uintptr_t>(memory->pointer)});
}

void releaseMemory(const Call& call) {
  const MemoryPointer memory = stateOf(call.env).memories.remove(call.number(0, "memory"));
  if (memory != nullptr && memory->reaper == nullptr) tellGarbageCollector(call.env, *memory, -1);
}

// settle(memory): waits for all work on it, also for graphs that were launched elsewhere.
void settle(const Call& call) { stateOf(call.env).memory(call.number(0, "array"), "array")->settle(); }

}  // namespace

char* DeviceMemory::range(uint64_t offset, uint64_t count, const char* argument) const {
  if (offset > bytes || count > bytes - offset) throw failureOf(JUMPOUT_BAD_LENGTH, argument);
  return static_cast<char*>(pointer) + offset;
}

void DeviceMemory::noteUse(const StreamPointer& stream) {
  constexpr size_t kMany = 8;
  for (const StreamPointer& use : uses) {
    if (use == stream) return;
  }
  if (uses.size() >= kMany) forgetGoneStreams(uses, *stream);
  uses.push_back(stream);
}

void DeviceMemory::settle() const {
  for (const StreamPointer& use : uses) {
    if (!use->capturing()) require(use->synchronize(), kCopyNames);
  }
}

DeviceMemory::~DeviceMemory() {
  if (reaper != nullptr) {
    reaper->give(std::move(owner), std::move(uses));
    return;
  }
  void* handles[16];
  size_t count = 0;
  for (const StreamPointer& use : uses) {
    // A destructor does not allocate: wait for the streams beyond the 16th.
    if (count == std::size(handles)) {
      use->synchronize();
    } else {
      handles[count++] = use->handle;
    }
  }
  jumpout_cuda_free(device, pointer, handles, count);
}

MemoryPointer allocateMemory(int32_t device, size_t bytes, const StreamPointer& stream) {
  const bool atOnce = stream == nullptr || stream->capturing();
  auto memory = std::make_shared<DeviceMemory>(device, nullptr, bytes);
  void* const handle = atOnce ? nullptr : stream->handle;
  require(jumpout_cuda_allocate(device, std::max<size_t>(bytes, 1), handle, atOnce, &memory->pointer),
          kOnDeviceNames);
  if (!atOnce) memory->noteUse(stream);
  return memory;
}

void exportDeviceMemory(const Exports& exports) {
  exports.add<allocate>("allocate");
  exports.add<memoryOf>("memoryOf");
  exports.add<wrapMemory>("wrapMemory");
  exports.add<pointer>("pointer");
  exports.add<releaseMemory>("releaseMemory");
  exports.add<settle>("settle");
}

}  // namespace jumpout::node
