// Tensors that travel between libraries, as DLPack describes them.
#include <iterator>
#include <memory>

#include "node/cuda/dlpack_tensor.hpp"
#include "node/cuda/state.hpp"
#include "node/exports.hpp"

namespace jumpout::node {

namespace {

using dlpack::Managed;
using dlpack::ManagedVersioned;

// The bytes of "dltensor", then eight zeros or the bytes of "_version".
template <class M>
constexpr napi_type_tag kTag{0x726f736e65746c64, 0};
template <>
constexpr napi_type_tag kTag<ManagedVersioned>{0x726f736e65746c64, 0x6e6f69737265765f};

// The external points to this. The library that takes the tensor over writes nullptr here, and calls the deleter when it is
// done. If no library takes it over, the finalizer of the external calls the deleter.
struct Cell {
  void* managed;
};

template <class M>
void callDeleter(void* tensor) {
  auto* const managed = static_cast<M*>(tensor);
  if (managed != nullptr && managed->deleter != nullptr) managed->deleter(managed);
}

template <class M>
void finalizeCell(napi_env, void* data, void*) {
  const std::unique_ptr<Cell> cell(static_cast<Cell*>(data));
  callDeleter<M>(cell->managed);
}

// A tensor that keeps our memory alive for as long as another library holds it.
template <class M>
struct Exported {
  M managed = {};
  MemoryPointer memory;
  int64_t shape[1];
  int64_t strides[1] = {1};
};

template <class M>
napi_value externalOf(napi_env env, std::unique_ptr<Exported<M>> exported) {
  auto cell = std::make_unique<Cell>(Cell{&exported->managed});
  napi_value external;
  check(napi_create_external(env, cell.get(), finalizeCell<M>, nullptr, &external));
  cell.release();
  exported.release();
  if (napi_type_tag_object(env, external, &kTag<M>) != napi_ok) {
    throw wrongState("a Node.js that can tag externals", "toDLPack", "an older one");
  }
  return external;
}

// (memory, offset, length, dtype)
template <class M>
napi_value exportMemory(const Call& call) {
  State& state = stateOf(call.env);
  auto exported = std::make_unique<Exported<M>>();
  const MemoryPointer& memory = exported->memory = state.memory(call.number(0, "array"), "array");
  const uint64_t offset = call.integer(1, "offset");
  const uint64_t length = call.integer(2, "length");
  const jumpout_dtype dtype = dtypeOf(call.number(3, "dtype"));
  exported->shape[0] = static_cast<int64_t>(length);
  M& managed = exported->managed;
  managed.tensor.data = memory->range(offset, length * bytesOf(dtype), "array");
  managed.tensor.device = {dlpack::kCuda, memory->device};
  managed.tensor.dimensions = 1;
  managed.tensor.dtype = dlpack::dataTypeOf(dtype);
  managed.tensor.shape = exported->shape;
  managed.tensor.strides = exported->strides;
  managed.context = exported.get();
  managed.deleter = [](M* managed) { delete static_cast<Exported<M>*>(managed->context); };
  if constexpr (requires { managed.version; }) managed.version = {dlpack::kMajor, 0};
  // The other library may use it on any stream. The default stream stands for them: it waits for most.
  memory->noteUse(state.stream(0.0, memory->device, "array"));
  return externalOf(call.env, std::move(exported));
}

// toDLPack(memory, offset, length, dtype, versioned)
napi_value toDLPack(const Call& call) {
  const bool versioned = call.boolean(4, "options.versioned");
  return versioned ? exportMemory<ManagedVersioned>(call) : exportMemory<Managed>(call);
}

template <class M>
bool hasTag(const Call& call) {
  napi_valuetype type;
  bool result = false;
  check(napi_typeof(call.env, call.values[0], &type));
  return type == napi_external &&
         napi_check_object_type_tag(call.env, call.values[0], &kTag<M>, &result) == napi_ok && result;
}

template <class M>
dlpack::ForeignArray describedBy(const M* managed) {
  try {
    if (managed == nullptr) throw dlpack::WrongTensor{"one that was not taken over yet", "a used one"};
    return dlpack::arrayOf(*managed);
  } catch (const dlpack::WrongTensor& wrong) {
    throw wrongValue(wrong.expected, "tensor", wrong.got);
  }
}

// What CUDA knows of its memory must be what it says of itself; of its length nothing is known.
void checkPlace(const dlpack::ForeignArray& array) {
  if (array.device < 0 || array.device >= jumpout_cuda_device_count())
    throw failureOf(JUMPOUT_BAD_DEVICE, "tensor");
  if (array.length == 0) return;
  jumpout_memory place;
  require(jumpout_cuda_memory_of(array.first, &place), kNoNames);
  if (place.kind != JUMPOUT_MEMORY_DEVICE && place.kind != JUMPOUT_MEMORY_MANAGED)
    throw failureOf(JUMPOUT_NOT_ON_DEVICE, "tensor");
  if (place.kind == JUMPOUT_MEMORY_DEVICE && place.device != array.device)
    throw failureOf(JUMPOUT_BAD_DEVICE, "tensor");
}

// Checks everything before it takes the tensor.
template <class M>
napi_value importTensor(const Call& call) {
  State& state = stateOf(call.env);
  void* data;
  check(napi_get_value_external(call.env, call.values[0], &data));
  Cell& cell = *static_cast<Cell*>(data);
  auto* const managed = static_cast<M*>(cell.managed);
  const dlpack::ForeignArray array = describedBy(managed);
  checkPlace(array);
  const auto [first, device, length, dtype] = array;
  auto memory = std::make_shared<DeviceMemory>(device, first, length * bytesOf(dtype));
  memory->reaper = state.reaper;
  cell.managed = nullptr;
  memory->owner.reset(managed, callDeleter<M>);
  const double numbers[] = {state.memories.add(std::move(memory)), static_cast<double>(device),
                            static_cast<double>(length), static_cast<double>(dtype)};
  Napi::Array result = Napi::Array::New(call.env, std::size(numbers));
  for (uint32_t i = 0; i < std::size(numbers); ++i) result.Set(i, numbers[i]);
  return result;
}

// fromDLPack(tensor): [memory, device, length, dtype]
napi_value fromDLPack(const Call& call) {
  if (hasTag<ManagedVersioned>(call)) return importTensor<ManagedVersioned>(call);
  if (hasTag<Managed>(call)) return importTensor<Managed>(call);
  throw wrongType("an external tagged dltensor", "tensor");
}

}  // namespace

void exportDlpack(const Exports& exports) {
  exports.add<toDLPack>("toDLPack");
  exports.add<fromDLPack>("fromDLPack");
}

}  // namespace jumpout::node
