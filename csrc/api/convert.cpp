// 16-bit floats of the C API.
#include "core/failure.hpp"
#include "core/float16.hpp"
#include "cpu/float_environment.hpp"
#include "jumpout.h"

using namespace jumpout;

// Functions as parameters of the template, so that the loop is compiled for each.
template <auto kFloat16, auto kBFloat16, class From, class To>
static jumpout_status convert(jumpout_dtype dtype, const From* from, To* to, size_t length) {
  if (dtype != JUMPOUT_FLOAT16 && dtype != JUMPOUT_BFLOAT16) return failing(JUMPOUT_BAD_OPTION, "dtype");
  if (length != 0 && !from) return failing(JUMPOUT_NULL_POINTER, "from");
  if (length != 0 && !to) return failing(JUMPOUT_NULL_POINTER, "to");
  const cpu::StandardFloats standard;
  if (dtype == JUMPOUT_FLOAT16)
    for (size_t i = 0; i < length; ++i) to[i] = kFloat16(from[i]);
  else
    for (size_t i = 0; i < length; ++i) to[i] = kBFloat16(from[i]);
  return JUMPOUT_OK;
}

jumpout_status jumpout_widen(jumpout_dtype dtype, const uint16_t* from, float* to, size_t length) {
  return convert<widenFloat16, widenBFloat16>(dtype, from, to, length);
}

jumpout_status jumpout_narrow(jumpout_dtype dtype, const float* from, uint16_t* to, size_t length) {
  return convert<narrowFloat16, narrowBFloat16>(dtype, from, to, length);
}
