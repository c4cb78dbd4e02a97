// The types of elements on a device, as numbers of lib/cuda/memory.ts.
#pragma once

#include "core/dtype.hpp"
#include "node/descriptor.hpp"

namespace jumpout::node {

// One of the first `count`; throws a Failure for a number that stands for none.
inline jumpout_dtype dtypeOf(double number, size_t count = kDtypeCount) {
  return static_cast<jumpout_dtype>(integerBelow(static_cast<double>(count), number));
}

}  // namespace jumpout::node
