// DLPack's binary interface, version 1, and its older form without a version: the fields that one-dimensional arrays need.
#pragma once

#include <cstdint>

namespace jumpout::node::dlpack {

constexpr int32_t kCuda = 2;  // device types
constexpr int32_t kCudaManaged = 13;

enum class Code : uint8_t { kUnsigned = 1, kFloat = 2, kBfloat = 4 };

struct Device {
  int32_t type;
  int32_t index;
};

struct DataType {
  Code code;
  uint8_t bits;
  uint16_t lanes;
};

struct Tensor {
  void* data;
  Device device;
  int32_t dimensions;
  DataType dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; nullptr: row-major without gaps
  uint64_t byteOffset;
};

// DLManagedTensor: externals tagged "dltensor".
struct Managed {
  Tensor tensor;
  void* context;
  void (*deleter)(Managed*);
};

struct Version {
  uint32_t major, minor;
};

constexpr uint32_t kMajor = 1;
constexpr uint64_t kReadOnly = 1;  // flags

// DLManagedTensorVersioned: externals tagged "dltensor_version".
struct ManagedVersioned {
  Version version;
  void* context;
  void (*deleter)(ManagedVersioned*);
  uint64_t flags;
  Tensor tensor;
};

static_assert(sizeof(Tensor) == 48 && sizeof(Managed) == 64 && sizeof(ManagedVersioned) == 80);

}  // namespace jumpout::node::dlpack
