#include "node/cuda/memories.hpp"

#include "node/arrays.hpp"
#include "node/cuda/state.hpp"
#include "node/descriptor.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

namespace {

constexpr ArgumentNames kAllocateNames{"options.device", {}};
constexpr ArgumentNames kPointerNames{"pointer", {}};

// JavaScript's heap does not show what its arrays on devices weigh.
void tellGarbageCollector(napi_env env, const DeviceMemory& memory, int sign) {
  int64_t total;
  napi_adjust_external_memory(env, sign * static_cast<int64_t>(memory.bytes), &total);
}

// allocate(device, bytes, stream): in the order of the stream, or with -1 on any stream at once.
napi_value allocate(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  State& state = stateOf(env);
  const auto device = static_cast<int32_t>(integerBelow(1e6, numberOf(env, arguments.values[0], "device")));
  const uint64_t bytes = integerBelow(kExactIntegers, numberOf(env, arguments.values[1], "bytes"));
  const double stream = numberOf(env, arguments.values[2], "stream");
  const StreamPointer order = stream < 0.0 ? nullptr : state.stream(stream, device, "options.stream");
  const MemoryPointer memory = allocateMemory(device, bytes, order);
  tellGarbageCollector(env, *memory, 1);
  return makeNumber(env, state.memories.add(memory));
}

void* pointerOf(napi_env env, napi_value value) {
  return reinterpret_cast<void*>(uint64Of(env, value, "pointer"));
}

// memoryOf(pointer): the device, -1 for memory of the host and what CUDA does not know.
napi_value memoryOf(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  jumpout_memory memory;
  require(jumpout_cuda_memory_of(pointerOf(env, arguments.values[0]), &memory), kPointerNames);
  const bool reachable = memory.kind == JUMPOUT_MEMORY_DEVICE || memory.kind == JUMPOUT_MEMORY_MANAGED;
  return makeNumber(env, reachable ? memory.device : -1);
}

// wrapMemory(pointer, bytes, device, owner): `owner` is kept alive until the work on the memory is done.
napi_value wrapMemory(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  State& state = stateOf(env);
  const auto device = static_cast<int32_t>(integerBelow(1e6, numberOf(env, arguments.values[2], "device")));
  const uint64_t bytes = integerBelow(kExactIntegers, numberOf(env, arguments.values[1], "bytes"));
  auto memory = std::make_shared<DeviceMemory>(device, pointerOf(env, arguments.values[0]), bytes);
  memory->reaper = state.reaper;
  if (!isUndefined(env, arguments.values[3])) {
    check(napi_create_reference(env, arguments.values[3], 1, &memory->release.owner));
  }
  return makeNumber(env, state.memories.add(std::move(memory)));
}

napi_value pointer(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const MemoryPointer& memory = stateOf(env).memory(numberOf(env, arguments.values[0], "memory"), "pointer");
  return makeBigint(env, reinterpret_cast<uintptr_t>(memory->pointer));
}

napi_value releaseMemory(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const MemoryPointer memory = stateOf(env).memories.remove(numberOf(env, arguments.values[0], "memory"));
  if (memory != nullptr && memory->reaper == nullptr) tellGarbageCollector(env, *memory, -1);
  return nullptr;
}

}  // namespace

void defineMemories(napi_env env, napi_value exports) {
  define<allocate>(env, exports, "allocate");
  define<memoryOf>(env, exports, "memoryOf");
  define<wrapMemory>(env, exports, "wrapMemory");
  define<pointer>(env, exports, "pointer");
  define<releaseMemory>(env, exports, "releaseMemory");
}

}  // namespace jumpout::node
