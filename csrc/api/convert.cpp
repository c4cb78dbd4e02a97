// 16-bit floats of the C API.
#include "core/failure.hpp"
#include "core/float16.hpp"
#include "cpu/float_environment.hpp"
#include "jumpout.h"

namespace {

// A lambda rather than a function, so that the loop is compiled for it.
template <class Convert, class From, class To>
jumpout_status convertAll(Convert convert, const From* from, To* to, size_t length) {
  if (length != 0 && !from) return jumpout::failing(JUMPOUT_NULL_POINTER, "from");
  if (length != 0 && !to) return jumpout::failing(JUMPOUT_NULL_POINTER, "to");
  const jumpout::cpu::StandardFloats standard;
  for (size_t i = 0; i < length; ++i) to[i] = convert(from[i]);
  return JUMPOUT_OK;
}

}  // namespace

jumpout_status jumpout_widen(jumpout_dtype dtype, const uint16_t* from, float* to, size_t length) {
  if (dtype == JUMPOUT_FLOAT16)
    return convertAll([](uint16_t bits) { return jumpout::widenFloat16(bits); }, from, to, length);
  if (dtype == JUMPOUT_BFLOAT16)
    return convertAll([](uint16_t bits) { return jumpout::widenBFloat16(bits); }, from, to, length);
  return jumpout::failing(JUMPOUT_BAD_OPTION, "dtype");
}

jumpout_status jumpout_narrow(jumpout_dtype dtype, const float* from, uint16_t* to, size_t length) {
  if (dtype == JUMPOUT_FLOAT16)
    return convertAll([](float value) { return jumpout::narrowFloat16(value); }, from, to, length);
  if (dtype == JUMPOUT_BFLOAT16)
    return convertAll([](float value) { return jumpout::narrowBFloat16(value); }, from, to, length);
  return jumpout::failing(JUMPOUT_BAD_OPTION, "dtype");
}
