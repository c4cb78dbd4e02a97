#include "node/cuda/dlpack.hpp"

#include <memory>

#include "node/arrays.hpp"
#include "node/cuda/dlpack_abi.hpp"
#include "node/cuda/state.hpp"
#include "node/descriptor.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

namespace {

using dlpack::Managed;
using dlpack::ManagedVersioned;

// The bytes of "dltensor", then eight zeros or the bytes of "_version".
constexpr napi_type_tag kLegacyTag{0x726f736e65746c64, 0};
constexpr napi_type_tag kVersionedTag{0x726f736e65746c64, 0x6e6f69737265765f};

// What the external points to. Whoever takes the tensor writes nullptr here, and calls its deleter when done; where
// nobody did, the finalizer of the external does.
struct Cell {
  void* managed;
};

// In the order of lib/dtype.ts.
constexpr dlpack::DataType kDataTypes[] = {{dlpack::Code::kFloat, 32, 1},
                                           {dlpack::Code::kFloat, 16, 1},
                                           {dlpack::Code::kBfloat, 16, 1},
                                           {dlpack::Code::kUnsigned, 32, 1},
                                           {dlpack::Code::kUnsigned, 64, 1}};

template <class M>
void finalizeCell(napi_env, void* data, void*) {
  const std::unique_ptr<Cell> cell(static_cast<Cell*>(data));
  auto* managed = static_cast<M*>(cell->managed);
  if (managed != nullptr && managed->deleter != nullptr) managed->deleter(managed);
}

// A tensor that keeps our memory alive, wherever it goes.
template <class M>
struct Exported {
  M managed = {};
  MemoryPointer memory;
  int64_t shape[1];
  int64_t strides[1] = {1};
};

template <class M>
napi_value makeExternal(napi_env env, std::unique_ptr<Exported<M>> exported, const napi_type_tag& tag) {
  exported->managed.context = exported.get();
  exported->managed.deleter = [](M* managed) { delete static_cast<Exported<M>*>(managed->context); };
  auto cell = std::make_unique<Cell>(Cell{&exported->managed});
  napi_value external;
  check(napi_create_external(env, cell.get(), finalizeCell<M>, nullptr, &external));
  cell.release();
  exported.release();
  if (napi_type_tag_object(env, external, &tag) != napi_ok) {
    throw wrongState("a Node.js that can tag externals", "toDLPack", "an older one");
  }
  return external;
}

template <class M>
std::unique_ptr<Exported<M>> exportMemory(State& state, const MemoryPointer& memory, uint64_t offset,
                                          size_t length, size_t dtype) {
  // The other side may use it on any stream; the default one waits for most of them.
  memory->noteUse(state.stream(0.0, memory->device, "array"));
  auto exported = std::make_unique<Exported<M>>();
  exported->memory = memory;
  exported->shape[0] = static_cast<int64_t>(length);
  dlpack::Tensor& tensor = exported->managed.tensor;
  tensor.data = static_cast<char*>(memory->pointer) + offset;
  tensor.device = {dlpack::kCuda, memory->device};
  tensor.dimensions = 1;
  tensor.dtype = kDataTypes[dtype];
  tensor.shape = exported->shape;
  tensor.strides = exported->strides;
  return exported;
}

// toDLPack(memory, offset, length, dtype, versioned)
napi_value toDLPack(napi_env env, napi_callback_info info) {
  const Arguments<5> arguments(env, info);
  const napi_value* values = arguments.values;
  State& state = stateOf(env);
  const MemoryPointer memory = state.memory(numberOf(env, values[0], "array"), "array");
  const uint64_t offset = integerBelow(kExactIntegers, numberOf(env, values[1], "offset"));
  const uint64_t length = integerBelow(kExactIntegers, numberOf(env, values[2], "length"));
  const size_t dtype = integerBelow(std::size(kDataTypes), numberOf(env, values[3], "dtype"));
  const uint64_t bytes = length * (kDataTypes[dtype].bits / 8);
  if (offset > memory->bytes || bytes > memory->bytes - offset) throw failureOf(JUMPOUT_BAD_LENGTH, "array");
  if (!booleanOf(env, values[4], "options.versioned")) {
    return makeExternal(env, exportMemory<Managed>(state, memory, offset, length, dtype), kLegacyTag);
  }
  auto exported = exportMemory<ManagedVersioned>(state, memory, offset, length, dtype);
  exported->managed.version = {dlpack::kMajor, 0};
  return makeExternal(env, std::move(exported), kVersionedTag);
}

Failure wrongTensor(const char* expected, const char* got) { return wrongValue(expected, "tensor", got); }

bool hasGaps(const dlpack::Tensor& tensor) {
  int64_t step = 1;
  for (int32_t i = tensor.dimensions; tensor.strides != nullptr && i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != step) return true;
    step *= tensor.shape[i];
  }
  return false;
}

uint64_t elementsOf(const dlpack::Tensor& tensor) {
  double product = 1.0;
  for (int32_t i = 0; i < tensor.dimensions; ++i) product *= static_cast<double>(tensor.shape[i]);
  return integerBelow(kExactIntegers, product);
}

size_t dtypeOf(const dlpack::DataType& type) {
  for (size_t i = 0; i < std::size(kDataTypes); ++i) {
    const dlpack::DataType& known = kDataTypes[i];
    if (type.code == known.code && type.bits == known.bits && type.lanes == known.lanes) return i;
  }
  throw wrongTensor("float32, float16, bfloat16, uint32 or uint64", "another type");
}

struct Imported {
  MemoryPointer memory;
  size_t length;
  size_t dtype;
};

// Everything is checked before the tensor is taken.
template <class M>
Imported importTensor(State& state, Cell& cell) {
  auto* managed = static_cast<M*>(cell.managed);
  const dlpack::Tensor& tensor = managed->tensor;
  if (tensor.device.type != dlpack::kCuda && tensor.device.type != dlpack::kCudaManaged)
    throw wrongTensor("one on a CUDA device", "one elsewhere");
  if (hasGaps(tensor)) throw wrongTensor("one without gaps, in row-major order,", "another");
  const size_t dtype = dtypeOf(tensor.dtype);
  const uint64_t length = elementsOf(tensor);
  auto* const first = static_cast<char*>(tensor.data) + tensor.byteOffset;
  jumpout_memory place;
  require(jumpout_cuda_memory_of(first, &place), kNoNames);
  if (length != 0 && place.kind != JUMPOUT_MEMORY_DEVICE && place.kind != JUMPOUT_MEMORY_MANAGED)
    throw failureOf(JUMPOUT_NOT_ON_DEVICE, "tensor");
  auto memory =
      std::make_shared<DeviceMemory>(tensor.device.index, first, length * (kDataTypes[dtype].bits / 8));
  memory->reaper = state.reaper;
  memory->release.context = managed;
  memory->release.function = [](void* context) {
    auto* given = static_cast<M*>(context);
    if (given->deleter != nullptr) given->deleter(given);
  };
  cell.managed = nullptr;
  return {std::move(memory), length, dtype};
}

bool hasTag(napi_env env, napi_value value, const napi_type_tag& tag) {
  bool result = false;
  return napi_check_object_type_tag(env, value, &tag, &result) == napi_ok && result;
}

// fromDLPack(tensor): [memory, device, length, dtype]
napi_value fromDLPack(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  State& state = stateOf(env);
  const napi_value value = arguments.values[0];
  napi_valuetype type;
  check(napi_typeof(env, value, &type));
  const bool versioned = type == napi_external && hasTag(env, value, kVersionedTag);
  if (type != napi_external || (!versioned && !hasTag(env, value, kLegacyTag)))
    throw wrongType("an external tagged dltensor", "tensor");
  void* data;
  check(napi_get_value_external(env, value, &data));
  Cell& cell = *static_cast<Cell*>(data);
  if (cell.managed == nullptr) throw wrongTensor("one that nobody has taken", "a used one");
  if (versioned) {
    const auto& managed = *static_cast<const ManagedVersioned*>(cell.managed);
    if (managed.version.major != dlpack::kMajor) throw wrongTensor("version 1 of DLPack", "another");
    if ((managed.flags & dlpack::kReadOnly) != 0)
      throw wrongTensor("one that may be written", "a read-only one");
  }
  const Imported imported =
      versioned ? importTensor<ManagedVersioned>(state, cell) : importTensor<Managed>(state, cell);
  const double numbers[] = {state.memories.add(imported.memory), static_cast<double>(imported.memory->device),
                            static_cast<double>(imported.length), static_cast<double>(imported.dtype)};
  napi_value result;
  check(napi_create_array_with_length(env, std::size(numbers), &result));
  for (uint32_t i = 0; i < std::size(numbers); ++i)
    check(napi_set_element(env, result, i, makeNumber(env, numbers[i])));
  return result;
}

}  // namespace

void defineDlpack(napi_env env, napi_value exports) {
  define<toDLPack>(env, exports, "toDLPack");
  define<fromDLPack>(env, exports, "fromDLPack");
}

}  // namespace jumpout::node
