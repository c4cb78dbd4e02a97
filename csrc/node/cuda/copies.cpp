// Copies between the host and devices, and other writes to the memory of a device.
#include <cstdint>
#include <vector>

#include "node/background.hpp"
#include "node/cuda/operation.hpp"
#include "node/exports.hpp"

namespace jumpout::node {

namespace {

// A typed array of the type that stands for a dtype on the host: 16-bit floats are float32 there.
Array<void> hostArrayOf(const Call& call, size_t index, jumpout_dtype dtype) {
  const auto erased = [](const auto& array) { return Array<void>{array.data, array.length}; };
  if (dtype == JUMPOUT_UINT32) return erased(call.array<uint32_t>(index, "array"));
  if (dtype == JUMPOUT_UINT64) return erased(call.array<uint64_t>(index, "array"));
  return erased(call.array<float>(index, "array"));
}

// The memory that the first two arguments name, from an offset in bytes on, and one operation on it.
struct Target {
  State& state;
  double handle;
  double offset;
  MemoryPointer memory;
  Operation operation;
  const char* argument;

  Target(const Call& call, size_t stream, const char* argument)
      : state(stateOf(call.env)),
        handle(call.number(0, argument)),
        offset(call.number(1, "offset")),
        memory(state.memory(handle, argument)),
        operation(state, memory->device, call.number(stream, "options.stream")),
        argument(argument) {}

  template <typename T>
  T* use(size_t count) {
    return operation.use<T>(handle, offset, count, argument);
  }
};

struct Copy {
  Operation operation;
  MemoryPointer memory;
  void* first;  // in `memory`
  Array<void> host;
  jumpout_dtype dtype;
  bool toDevice;

  bool isHalf() const { return bytesOf(dtype) == sizeof(uint16_t); }

  // `data` has the device's element type: never the float32 values that stand for 16-bit floats.
  jumpout_status enqueue(void* data) const {
    void* const to = toDevice ? first : data;
    const void* const from = toDevice ? data : first;
    const size_t bytes = host.length * bytesOf(dtype);
    return jumpout_cuda_copy(operation.device(), to, from, bytes, operation.handle());
  }

  bool isPinned() const {
    jumpout_memory found;
    return !isHalf() && jumpout_cuda_memory_of(host.data, &found) == JUMPOUT_OK &&
           found.kind == JUMPOUT_MEMORY_PINNED;
  }
};

// Converts 16-bit floats in a temporary array.
jumpout_status convertAndCopy(const Copy& copy) {
  auto* const floats = static_cast<float*>(copy.host.data);
  std::vector<uint16_t> halves(copy.host.length);
  if (copy.toDevice) {
    jumpout_narrow(copy.dtype, floats, halves.data(), halves.size());
    return copy.enqueue(halves.data());
  }
  jumpout_status status = copy.enqueue(halves.data());
  if (status == JUMPOUT_OK) status = copy.operation.synchronize();
  if (status == JUMPOUT_OK) status = jumpout_widen(copy.dtype, halves.data(), floats, halves.size());
  return status;
}

// Returns when the host array holds the result, or may be used again.
jumpout_status runCopy(const Copy& copy) {
  if (copy.host.length == 0) return JUMPOUT_OK;
  if (copy.isHalf()) return convertAndCopy(copy);
  const jumpout_status status = copy.enqueue(copy.host.data);
  const bool ready = copy.toDevice && !copy.isPinned();
  return status != JUMPOUT_OK || ready ? status : copy.operation.synchronize();
}

// (memory, offset, dtype, stream, array, toDevice)
Copy copyOf(const Call& call) {
  Target target(call, 3, "array");
  const jumpout_dtype dtype = dtypeOf(call.number(2, "dtype"));
  const Array<void> host = hostArrayOf(call, 4, dtype);
  const bool toDevice = call.boolean(5, "toDevice");
  void* const first = target.use<char>(host.length * bytesOf(dtype));
  return {target.operation, target.memory, first, host, dtype, toDevice};
}

void copy(const Call& call) {
  Copy copy = copyOf(call);
  if (!copy.operation.capturing()) {
    require(runCopy(copy), kCopyNames);
    return;
  }
  if (!copy.isPinned()) throw failureOf(JUMPOUT_CAPTURING, "a copy of pageable memory");
  require(copy.enqueue(copy.host.data), kCopyNames);
  copy.operation.keepArray(call.values[4]);
}

// A copy of page-locked memory is enqueued here, one of other memory in the background.
napi_value copyAsync(const Call& call) {
  const Copy copy = copyOf(call);
  if (copy.operation.capturing()) throw failureOf(JUMPOUT_CAPTURING, "a promise");
  const bool enqueued = copy.host.length != 0 && copy.isPinned();
  if (enqueued) require(copy.enqueue(copy.host.data), kCopyNames);
  const auto work = [copy, enqueued, waiting = whileWaiting(copy.operation.stream())] {
    const jumpout_status status = enqueued ? JUMPOUT_OK : runCopy(copy);
    return status == JUMPOUT_OK ? waiting->synchronize() : status;
  };
  return inBackground(call, nullptr, work, kCopyNames);
}

// copyOnDevice(to, toOffset, from, fromOffset, bytes, stream)
void copyOnDevice(const Call& call) {
  Target target(call, 5, "array");
  const uint64_t bytes = call.integer(4, "bytes");
  const double source = call.number(2, "source");
  auto* const to = target.use<char>(bytes);
  auto* const from = target.operation.use<char>(source, call.number(3, "offset"), bytes, "source");
  if (bytes == 0 || to == from) return;
  const auto begin = reinterpret_cast<uintptr_t>(to), other = reinterpret_cast<uintptr_t>(from);
  if (begin < other + bytes && other < begin + bytes) throw failureOf(JUMPOUT_OVERLAP, "source");
  require(jumpout_cuda_copy(target.memory->device, to, from, bytes, target.operation.handle()), kCopyNames);
}

// clear(memory, offset, bytes, stream)
void clear(const Call& call) {
  Target target(call, 3, "array");
  const uint64_t bytes = call.integer(2, "bytes");
  auto* const first = target.use<char>(bytes);
  if (bytes == 0) return;
  require(jumpout_cuda_fill(target.memory->device, first, 0, bytes, target.operation.handle()), kCopyNames);
}

// store(memory, offset, stream, numbers, once): by value, so that the array may be used again at once. With `once` a
// capture does not record the write: it runs now, before any launch of the graph.
void store(const Call& call) {
  Target target(call, 2, "array");
  const Array<uint64_t> numbers = call.array<uint64_t>(3, "numbers");
  const bool apart = call.boolean(4, "once") && target.operation.capturing();
  auto* const to = target.use<uint64_t>(numbers.length);
  const int32_t device = target.memory->device;
  const StreamPointer stream = apart ? target.state.captures.setupStream(device) : target.operation.stream();
  if (apart) target.memory->noteUse(stream);
  require(jumpout_cuda_store(device, to, numbers.data, numbers.length, stream->handle), kCopyNames);
}

// The records from (memory, offset, stream) on, when the work on that memory is done.
std::vector<jumpout_record> recordsOf(const Call& call, size_t count, const char* what) {
  Target target(call, 2, "records");
  if (target.operation.capturing()) throw failureOf(JUMPOUT_CAPTURING, what);
  std::vector<jumpout_record> records(count);
  const auto* const first = target.use<jumpout_record>(count);
  target.memory->settle();
  // Pageable memory: the call returns when the records are there.
  const size_t bytes = count * sizeof(jumpout_record);
  require(jumpout_cuda_copy(target.memory->device, records.data(), first, bytes, target.operation.handle()),
          kCopyNames);
  // Memory for records begins as zeros, and every forward writes a scale.
  if (count != 0 && records.front().scale == 0.0f) throw wrongState("a launch of its graph", what, "none");
  return records;
}

// readRecords(memory, offset, stream, rows)
void readRecords(const Call& call) {
  const Array<jumpout_group> rows = call.rows(3);
  const std::vector<jumpout_record> records = recordsOf(call, rows.length, "stats");
  for (size_t row = 0; row < rows.length; ++row) rows.data[row] = jumpout_group_of_record(&records[row]);
}

// readCall(memory, offset, stream): the call number in the first record
Napi::BigInt readCall(const Call& call) {
  return Napi::BigInt::New(call.env, recordsOf(call, 1, "call").front().call);
}

}  // namespace

void exportCopies(const Exports& exports) {
  exports.add<copy>("copy");
  exports.add<copyAsync>("copyAsync");
  exports.add<copyOnDevice>("copyOnDevice");
  exports.add<clear>("clear");
  exports.add<store>("store");
  exports.add<readRecords>("readRecords");
  exports.add<readCall>("readCall");
}

}  // namespace jumpout::node
