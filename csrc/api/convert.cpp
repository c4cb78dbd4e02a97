// 16-bit floats of the C API.
#include "api/call.hpp"
#include "core/float16.hpp"
#include "core/raw_number.hpp"

using namespace jumpout;

// Functions as parameters of the template, so that the loop is compiled for each.
template <auto kFloat16, auto kBFloat16, class From, class To>
static jumpout_status convert(const jumpout_dtype& dtype, const ConversionArgs<From, To>& args) {
  const uint32_t number = rawNumber(dtype);
  if (number != JUMPOUT_FLOAT16 && number != JUMPOUT_BFLOAT16) return failing(JUMPOUT_BAD_OPTION, "dtype");
  if (const auto status = check(args)) return status;
  const cpu::StandardFloats standard;
  const auto [from, to, length] = args;
  if (number == JUMPOUT_FLOAT16)
    for (size_t i = 0; i < length; ++i) to[i] = kFloat16(from[i]);
  else
    for (size_t i = 0; i < length; ++i) to[i] = kBFloat16(from[i]);
  return JUMPOUT_OK;
}

jumpout_status jumpout_widen(jumpout_dtype dtype, const uint16_t* from, float* to, size_t length) {
  return convert<widenFloat16, widenBFloat16>(dtype, WidenArgs{from, to, length});
}

jumpout_status jumpout_narrow(jumpout_dtype dtype, const float* from, uint16_t* to, size_t length) {
  return convert<narrowFloat16, narrowBFloat16>(dtype, NarrowArgs{from, to, length});
}
