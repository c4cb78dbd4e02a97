// What the elements of an array on a device are: the one native list, in the order of jumpout_dtype and of lib/cuda/memory.ts.
#pragma once

#include <cstddef>

#include "jumpout.h"

namespace jumpout {

enum class NumberFormat { kIeee, kBfloat, kUnsigned };

struct DtypeFacts {
  const char* name;
  size_t bytes;  // per element, and what its address is a multiple of
  NumberFormat format;
};

inline constexpr DtypeFacts kDtypes[] = {
    {"float32", 4, NumberFormat::kIeee},    {"float16", 2, NumberFormat::kIeee},
    {"bfloat16", 2, NumberFormat::kBfloat}, {"uint32", 4, NumberFormat::kUnsigned},
    {"uint64", 8, NumberFormat::kUnsigned},
};

inline constexpr size_t kDtypeCount = JUMPOUT_UINT64 + 1;
static_assert(sizeof kDtypes == kDtypeCount * sizeof *kDtypes);

// What passes compute on: these come first.
inline constexpr size_t kFloatingDtypes = JUMPOUT_BFLOAT16 + 1;

constexpr size_t bytesOf(jumpout_dtype dtype) { return kDtypes[dtype].bytes; }

}  // namespace jumpout
