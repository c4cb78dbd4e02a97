#include "node/cuda/copies.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "node/arrays.hpp"
#include "node/background.hpp"
#include "node/cuda/enqueue.hpp"
#include "node/descriptor.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

namespace {

constexpr ArgumentNames kCopyNames{"the copy", {{"stream", "options.stream"}}};

// In the order of lib/dtype.ts; the first three are those of the C API.
enum class Dtype { kFloat32, kFloat16, kBfloat16, kUint32, kUint64, kCount };

// A typed array of the type that stands for a dtype on the host: 16-bit floats are float32 there.
struct HostArray {
  void* data;
  size_t length;
};

HostArray hostArrayOf(napi_env env, napi_value value, Dtype dtype) {
  const auto erased = [](const auto& array) { return HostArray{array.data, array.length}; };
  if (dtype == Dtype::kUint32) return erased(wordsOf(env, value, "array"));
  if (dtype == Dtype::kUint64) return erased(longWordsOf(env, value, "array"));
  return erased(floatsOf(env, value, "array"));
}

bool isHalf(Dtype dtype) { return dtype == Dtype::kFloat16 || dtype == Dtype::kBfloat16; }

size_t bytesPerElement(Dtype dtype) {
  return isHalf(dtype) ? sizeof(uint16_t) : dtype == Dtype::kUint64 ? sizeof(uint64_t) : sizeof(uint32_t);
}

enum class Direction { kToDevice, kToHost };

struct Copy {
  StreamPointer stream;
  void* memory;
  HostArray host;
  Dtype dtype;
  Direction direction;

  size_t bytes() const { return host.length * bytesPerElement(dtype); }
};

jumpout_status synchronize(const Copy& copy) {
  return jumpout_cuda_stream_synchronize(copy.stream->device, copy.stream->handle);
}

jumpout_status enqueue(const Copy& copy, void* host) {
  const DeviceStream& stream = *copy.stream;
  const bool toDevice = copy.direction == Direction::kToDevice;
  void* const to = toDevice ? copy.memory : host;
  const void* const from = toDevice ? host : copy.memory;
  return jumpout_cuda_copy(stream.device, to, from, copy.bytes(), stream.handle);
}

bool isPinned(const Copy& copy) {
  jumpout_memory memory;
  return !isHalf(copy.dtype) && jumpout_cuda_memory_of(copy.host.data, &memory) == JUMPOUT_OK &&
         memory.kind == JUMPOUT_MEMORY_PINNED;
}

// By way of a second array of 16-bit numbers.
jumpout_status convertAndCopy(const Copy& copy) {
  const auto dtype = static_cast<jumpout_dtype>(copy.dtype);
  auto* floats = static_cast<float*>(copy.host.data);
  std::vector<uint16_t> halves(copy.host.length);
  if (copy.direction == Direction::kToDevice) {
    jumpout_narrow(dtype, floats, halves.data(), halves.size());
    return enqueue(copy, halves.data());
  }
  jumpout_status status = enqueue(copy, halves.data());
  if (status == JUMPOUT_OK) status = synchronize(copy);
  if (status == JUMPOUT_OK) status = jumpout_widen(dtype, halves.data(), floats, halves.size());
  return status;
}

// Returns when the host array holds the result, or may be used again.
jumpout_status runCopy(const Copy& copy) {
  if (copy.host.length == 0) return JUMPOUT_OK;
  if (isHalf(copy.dtype)) return convertAndCopy(copy);
  const jumpout_status status = enqueue(copy, copy.host.data);
  const bool ready = copy.direction == Direction::kToDevice && !isPinned(copy);
  return status != JUMPOUT_OK || ready ? status : synchronize(copy);
}

// Returns when all is done.
jumpout_status completeCopy(const Copy& copy) {
  const jumpout_status status = runCopy(copy);
  return status == JUMPOUT_OK ? synchronize(copy) : status;
}

struct Request {
  Enqueue enqueue;
  Copy copy;
  MemoryPointer memory;
};

// (memory, offset, dtype, stream, array, toDevice)
constexpr size_t kCopyArity = 6;

Request requestOf(napi_env env, const napi_value* values) {
  State& state = stateOf(env);
  const double handle = numberOf(env, values[0], "array");
  const MemoryPointer memory = state.memory(handle, "array");
  const double offset = numberOf(env, values[1], "offset");
  const auto kinds = static_cast<double>(Dtype::kCount);
  const auto dtype = static_cast<Dtype>(integerBelow(kinds, numberOf(env, values[2], "dtype")));
  Enqueue enqueue(state, memory->device, numberOf(env, values[3], "options.stream"));
  const HostArray host = hostArrayOf(env, values[4], dtype);
  const bool toDevice = booleanOf(env, values[5], "toDevice");
  void* const first = enqueue.use(handle, offset, host.length * bytesPerElement(dtype), "array");
  const Copy copy{enqueue.stream(), first, host, dtype, toDevice ? Direction::kToDevice : Direction::kToHost};
  return {std::move(enqueue), copy, memory};
}

napi_value copy(napi_env env, napi_callback_info info) {
  const Arguments<kCopyArity> arguments(env, info);
  Request request = requestOf(env, arguments.values);
  if (!request.enqueue.capturing()) {
    require(runCopy(request.copy), kCopyNames);
  } else {
    if (!isPinned(request.copy)) throw failureOf(JUMPOUT_CAPTURING, "a copy of pageable memory");
    require(enqueue(request.copy, request.copy.host.data), kCopyNames);
    request.enqueue.keepArray(arguments.values[4]);
  }
  return nullptr;
}

// From page-locked memory the copy is enqueued here, else when a thread finds the time for it.
napi_value copyAsync(napi_env env, napi_callback_info info) {
  const Arguments<kCopyArity> arguments(env, info);
  const Request request = requestOf(env, arguments.values);
  if (request.enqueue.capturing()) throw failureOf(JUMPOUT_CAPTURING, "a promise");
  const Copy copy = request.copy;
  const bool enqueued = copy.host.length != 0 && isPinned(copy);
  if (enqueued) require(enqueue(copy, copy.host.data), kCopyNames);
  ++copy.stream->waiting;
  try {
    return inBackground(
        env, info, [copy, enqueued] { return outcomeOf(enqueued ? synchronize(copy) : completeCopy(copy)); },
        [copy, memory = request.memory] { --copy.stream->waiting; }, {arguments.values[4]}, kCopyNames);
  } catch (...) {
    --copy.stream->waiting;
    throw;
  }
}

// copyOnDevice(to, toOffset, from, fromOffset, bytes, stream)
napi_value copyOnDevice(napi_env env, napi_callback_info info) {
  const Arguments<6> arguments(env, info);
  const napi_value* values = arguments.values;
  State& state = stateOf(env);
  const double to = numberOf(env, values[0], "array"), from = numberOf(env, values[2], "source");
  Enqueue enqueue(state, state.memory(to, "array")->device, numberOf(env, values[5], "options.stream"));
  const uint64_t bytes = integerBelow(kExactIntegers, numberOf(env, values[4], "bytes"));
  void* const target = enqueue.use(to, numberOf(env, values[1], "offset"), bytes, "array");
  const void* const source = enqueue.use(from, numberOf(env, values[3], "offset"), bytes, "source");
  if (bytes == 0 || target == source) return nullptr;
  const auto begin = reinterpret_cast<uintptr_t>(target), other = reinterpret_cast<uintptr_t>(source);
  if (begin < other + bytes && other < begin + bytes) throw failureOf(JUMPOUT_OVERLAP, "source");
  require(jumpout_cuda_copy(enqueue.device(), target, source, bytes, enqueue.handle()), kCopyNames);
  return nullptr;
}

// clear(memory, offset, bytes, stream)
napi_value clear(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  const napi_value* values = arguments.values;
  State& state = stateOf(env);
  const double handle = numberOf(env, values[0], "array");
  Enqueue enqueue(state, state.memory(handle, "array")->device, numberOf(env, values[3], "options.stream"));
  const uint64_t bytes = integerBelow(kExactIntegers, numberOf(env, values[2], "bytes"));
  void* const memory = enqueue.use(handle, numberOf(env, values[1], "offset"), bytes, "array");
  if (bytes == 0) return nullptr;
  require(jumpout_cuda_fill(enqueue.device(), memory, 0, bytes, enqueue.handle()), kCopyNames);
  return nullptr;
}

// store(memory, offset, stream, numbers, once): by value, so that the array may be used again at once. With `once` a
// capture does not record it: it happens now, before any launch of the graph.
napi_value store(napi_env env, napi_callback_info info) {
  const Arguments<5> arguments(env, info);
  const napi_value* values = arguments.values;
  State& state = stateOf(env);
  const double handle = numberOf(env, values[0], "array");
  Enqueue enqueue(state, state.memory(handle, "array")->device, numberOf(env, values[2], "options.stream"));
  const Array<uint64_t> numbers = longWordsOf(env, values[3], "numbers");
  const bool apart = booleanOf(env, values[4], "once") && enqueue.capturing();
  void* const memory =
      enqueue.use(handle, numberOf(env, values[1], "offset"), numbers.length * sizeof(uint64_t), "array");
  const StreamPointer stream = apart ? state.setupStream(enqueue.device()) : enqueue.stream();
  if (apart) state.memory(handle, "array")->noteUse(stream);
  require(jumpout_cuda_store(stream->device, static_cast<uint64_t*>(memory), numbers.data, numbers.length,
                             stream->handle),
          kCopyNames);
  return nullptr;
}

// What is being captured has not run.
void waitForUses(const DeviceMemory& memory) {
  for (const StreamPointer& use : memory.uses) {
    if (use->capturing()) continue;
    require(jumpout_cuda_stream_synchronize(use->device, use->handle), kCopyNames);
  }
}

// settle(memory): waits for all work on it, also for graphs that were launched elsewhere.
napi_value settle(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  waitForUses(*stateOf(env).memory(numberOf(env, arguments.values[0], "array"), "array"));
  return nullptr;
}

// readRecords(memory, offset, stream, rows)
napi_value readRecords(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  const napi_value* values = arguments.values;
  State& state = stateOf(env);
  const double handle = numberOf(env, values[0], "records");
  const MemoryPointer memory = state.memory(handle, "records");
  Enqueue enqueue(state, memory->device, numberOf(env, values[2], "stream"));
  const Array<double> rows = doublesOf(env, values[3], "rows");
  if (rows.length % kRowLength != 0) throw failureOf(JUMPOUT_BAD_LENGTH, "rows");
  if (enqueue.capturing()) throw failureOf(JUMPOUT_CAPTURING, "stats");
  std::vector<jumpout_record> records(rows.length / kRowLength);
  const size_t bytes = records.size() * sizeof(jumpout_record);
  const void* const first = enqueue.use(handle, numberOf(env, values[1], "offset"), bytes, "records");
  waitForUses(*memory);
  // Pageable memory: back when it is there.
  require(jumpout_cuda_copy(enqueue.device(), records.data(), first, bytes, enqueue.handle()), kCopyNames);
  auto* groups = reinterpret_cast<jumpout_group*>(rows.data);
  for (size_t row = 0; row < records.size(); ++row) groups[row] = jumpout_group_of_record(&records[row]);
  return nullptr;
}

}  // namespace

void defineCopies(napi_env env, napi_value exports) {
  define<copy>(env, exports, "copy");
  define<copyAsync>(env, exports, "copyAsync");
  define<copyOnDevice>(env, exports, "copyOnDevice");
  define<clear>(env, exports, "clear");
  define<store>(env, exports, "store");
  define<settle>(env, exports, "settle");
  define<readRecords>(env, exports, "readRecords");
}

}  // namespace jumpout::node
