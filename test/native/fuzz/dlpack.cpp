// Tensors of other libraries (DLPack) as the addon reads them, of any kind.
#include <memory>
#include <vector>

#include "fuzz.hpp"
#include "node/cuda/dlpack_tensor.hpp"

namespace {

using fuzz::Bytes;
using fuzz::require;
using namespace jumpout::node::dlpack;

// As many numbers as a tensor has dimensions, in memory of just that size.
std::unique_ptr<int64_t[]> numbersOf(Bytes& in, int32_t count) {
  auto numbers = std::make_unique<int64_t[]>(static_cast<size_t>(std::max(count, 0)));
  for (int32_t i = 0; i < count; ++i) numbers[i] = static_cast<int64_t>(in.integer(1 + i));
  return numbers;
}

// What is to be known of an accepted tensor, counted in more bits than any size has.
void verify(const Tensor& tensor, const ForeignArray& array) {
  require(tensor.device.type == kCuda || tensor.device.type == kCudaManaged, "a device's tensor");
  require(array.device == tensor.device.index, "its device");
  const DataType type = dataTypeOf(array.dtype);
  require(
      type.code == tensor.dtype.code && type.bits == tensor.dtype.bits && type.lanes == tensor.dtype.lanes,
      "its type");
  unsigned __int128 elements = 1;
  bool negative = tensor.dimensions < 0, empty = false;
  for (int32_t i = 0; i < tensor.dimensions; ++i) {
    negative |= tensor.shape[i] < 0;
    empty |= tensor.shape[i] == 0;
  }
  require(!negative, "no negative sizes");
  for (int32_t i = 0; i < tensor.dimensions && !empty; ++i)
    elements *= static_cast<unsigned __int128>(tensor.shape[i]);
  if (empty) elements = 0;
  require(elements == array.length, "its elements");
  const unsigned __int128 begin =
      reinterpret_cast<uintptr_t>(tensor.data) + static_cast<unsigned __int128>(tensor.byteOffset);
  require(begin == reinterpret_cast<uintptr_t>(array.first), "its address");
  require(begin + elements * jumpout::bytesOf(array.dtype) <= UINT64_MAX, "its end");
  __int128 step = 1;
  for (int32_t i = tensor.dimensions; tensor.strides && !empty && i-- > 0; step *= tensor.shape[i])
    require(tensor.shape[i] == 1 || tensor.strides[i] == step, "no gaps");
}

template <class M>
void read(const M& managed) {
  ForeignArray array;
  try {
    array = arrayOf(managed);
  } catch (const WrongTensor& wrong) {
    require(!wrong.expected.empty() && *wrong.got, "a refusal says why");
    return;
  }
  verify(managed.tensor, array);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes in(data, size);
  Tensor tensor = {};
  tensor.dimensions = in.oneIn(8) ? static_cast<int32_t>(in.integer(1)) : static_cast<int32_t>(in.below(9));
  if (tensor.dimensions > 64) tensor.shape = nullptr;  // no fuzzer has as many bytes
  const int32_t numbers = std::min(tensor.dimensions, 64);
  const auto shape = numbersOf(in, numbers), strides = numbersOf(in, numbers);
  if (in.oneIn(4))  // those of a tensor without gaps
    for (int64_t i = numbers, step = 1; i-- > 0;) {
      strides[i] = step;
      step = static_cast<int64_t>(static_cast<uint64_t>(step) * static_cast<uint64_t>(shape[i]));
    }
  if (tensor.dimensions <= 64 && !in.oneIn(8)) tensor.shape = shape.get();
  if (tensor.shape && in.oneIn(2)) tensor.strides = strides.get();
  tensor.data = reinterpret_cast<void*>(static_cast<uintptr_t>(in.integer(0x1000)));
  tensor.byteOffset = in.integer(0);
  tensor.device = {in.oneIn(4)   ? static_cast<int32_t>(in.integer(0))
                   : in.oneIn(4) ? kCudaManaged
                                 : kCuda,
                   static_cast<int32_t>(in.integer(0))};
  tensor.dtype = dataTypeOf(static_cast<jumpout_dtype>(in.below(jumpout::kDtypeCount)));
  if (in.oneIn(4))
    tensor.dtype = {static_cast<Code>(in.take<uint8_t>()), in.take<uint8_t>(), in.take<uint16_t>()};
  Managed managed = {};
  managed.tensor = tensor;
  read(managed);
  ManagedVersioned versioned = {};
  versioned.version = {static_cast<uint32_t>(in.integer(kMajor)), 0};
  versioned.flags = in.integer(0);
  versioned.tensor = tensor;
  read(versioned);
  return 0;
}
