// A tensor of another library as an array of ours: everything about it is checked that can be known without a device. Free of
// Node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/descriptor.hpp"
#include "core/dtype.hpp"
#include "node/cuda/dlpack_abi.hpp"

namespace jumpout::node::dlpack {

// Thrown where a tensor cannot be taken over. "Expected X for tensor, got Y".
struct WrongTensor {
  std::string expected;
  const char* got;
};

struct ForeignArray {
  void* first;
  int32_t device;  // by its number, which may be none
  uint64_t length;
  jumpout_dtype dtype;
};

inline DataType dataTypeOf(jumpout_dtype dtype) {
  // In the order of NumberFormat.
  constexpr Code kCodes[] = {Code::kFloat, Code::kBfloat, Code::kUnsigned};
  const DtypeFacts& facts = kDtypes[dtype];
  return {kCodes[static_cast<size_t>(facts.format)], static_cast<uint8_t>(8 * facts.bytes), 1};
}

inline jumpout_dtype dtypeOf(const DataType& type) {
  std::string names;
  for (size_t i = 0; i < kDtypeCount; ++i) {
    const auto dtype = static_cast<jumpout_dtype>(i);
    const auto [code, bits, lanes] = dataTypeOf(dtype);
    if (type.code == code && type.bits == bits && type.lanes == lanes) return dtype;
    names += (i == 0 ? "" : i + 1 < kDtypeCount ? ", " : " or ") + std::string(kDtypes[i].name);
  }
  throw WrongTensor{names, "another type"};
}

// The product is exact below 2^53, and no other is accepted.
inline uint64_t elementsOf(const Tensor& tensor) {
  if (tensor.dimensions < 0 || (tensor.dimensions > 0 && tensor.shape == nullptr))
    throw WrongTensor{"one with a shape", "one without"};
  double product = 1.0;
  for (int32_t i = 0; i < tensor.dimensions; ++i) {
    if (tensor.shape[i] < 0) throw WrongTensor{"one of a shape without negative sizes", "another"};
    product *= static_cast<double>(tensor.shape[i]);
  }
  if (!(product < kExactIntegers)) throw WrongTensor{"one with less than 2^53 elements", "a larger one"};
  return static_cast<uint64_t>(product);
}

// Of a tensor with elements: no step overflows then.
inline bool hasGaps(const Tensor& tensor) {
  int64_t step = 1;
  for (int32_t i = tensor.dimensions; tensor.strides != nullptr && i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != step) return true;
    step *= tensor.shape[i];
  }
  return false;
}

inline ForeignArray arrayOf(const Tensor& tensor) {
  const auto [device_type, device] = tensor.device;
  if (device_type != kCuda && device_type != kCudaManaged)
    throw WrongTensor{"one on a CUDA device", "one elsewhere"};
  const uint64_t length = elementsOf(tensor);
  if (length != 0 && hasGaps(tensor)) throw WrongTensor{"one without gaps, in row-major order,", "another"};
  const jumpout_dtype dtype = dtypeOf(tensor.dtype);
  const uint64_t begin = reinterpret_cast<uintptr_t>(tensor.data), bytes = length * bytesOf(dtype);
  if (tensor.byteOffset > UINT64_MAX - begin || bytes > UINT64_MAX - begin - tensor.byteOffset)
    throw WrongTensor{"one that ends before the last address", "another"};
  return {reinterpret_cast<void*>(static_cast<uintptr_t>(begin + tensor.byteOffset)), device, length, dtype};
}

template <class M>
ForeignArray arrayOf(const M& managed) {
  if constexpr (requires { managed.version; }) {
    if (managed.version.major != kMajor) throw WrongTensor{"version 1 of DLPack", "another"};
    if ((managed.flags & kReadOnly) != 0) throw WrongTensor{"one that may be written", "a read-only one"};
  }
  return arrayOf(managed.tensor);
}

}  // namespace jumpout::node::dlpack
