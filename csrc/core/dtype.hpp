// The element types of arrays on a device: the one native list, in the order of jumpout_dtype and lib/cuda/memory.ts.
#pragma once

#include <cstddef>

#include "jumpout.h"

namespace jumpout {

enum class NumberFormat { kIeee, kBfloat, kUnsigned };

struct DtypeFacts {
  const char* name;
  size_t bytes;  // per element; addresses are multiples of it
  NumberFormat format;
};

inline constexpr DtypeFacts kDtypes[] = {
    {"float32", 4, NumberFormat::kIeee},    {"float16", 2, NumberFormat::kIeee},
    {"bfloat16", 2, NumberFormat::kBfloat}, {"uint32", 4, NumberFormat::kUnsigned},
    {"uint64", 8, NumberFormat::kUnsigned},
};

inline constexpr size_t kDtypeCount = JUMPOUT_UINT64 + 1;
static_assert(sizeof kDtypes == kDtypeCount * sizeof *kDtypes);

// The dtypes that passes compute on come first.
inline constexpr size_t kFloatingDtypes = JUMPOUT_BFLOAT16 + 1;

constexpr size_t bytesOf(jumpout_dtype dtype) { return kDtypes[dtype].bytes; }

}  // namespace jumpout
