// Enums of the C API as numbers: a C caller may pass any number, which C++ must not read as the enum.
#pragma once

#include <cstdint>
#include <cstring>

namespace jumpout {

template <class Enum>
uint32_t rawNumber(const Enum& value) {
  uint32_t number;
  static_assert(sizeof number == sizeof value);
  std::memcpy(&number, &value, sizeof number);
  return number;
}

}  // namespace jumpout
