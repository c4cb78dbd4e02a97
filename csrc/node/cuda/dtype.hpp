// The types of elements on a device, in the order of lib/dtype.ts. The first three are those of the C API.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "node/cuda/dlpack_abi.hpp"
#include "node/descriptor.hpp"

namespace jumpout::node {

enum class Dtype : uint8_t { kFloat32, kFloat16, kBfloat16, kUint32, kUint64 };

struct DtypeFacts {
  uint8_t bytes;
  dlpack::Code code;
};

inline constexpr DtypeFacts kDtypes[] = {{4, dlpack::Code::kFloat},
                                         {2, dlpack::Code::kFloat},
                                         {2, dlpack::Code::kBfloat},
                                         {4, dlpack::Code::kUnsigned},
                                         {8, dlpack::Code::kUnsigned}};

inline constexpr double kFloatingDtypes = 3;

inline const DtypeFacts& factsOf(Dtype dtype) { return kDtypes[static_cast<size_t>(dtype)]; }

// Throws a Failure for a number that stands for none.
inline Dtype dtypeOf(double number) {
  return static_cast<Dtype>(integerBelow(static_cast<double>(std::size(kDtypes)), number));
}

}  // namespace jumpout::node
