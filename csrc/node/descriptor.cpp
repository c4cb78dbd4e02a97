#include "node/descriptor.hpp"

#include "node/errors.hpp"

namespace jumpout::node {

int32_t deviceOf(double number) {
  constexpr double kDevices = 1 << 20;  // more than any machine has
  return static_cast<int32_t>(integerBelow(kDevices, number));
}

jumpout_dtype dtypeOf(double number, size_t count) {
  return static_cast<jumpout_dtype>(integerBelow(static_cast<double>(count), number));
}

Description* describe(napi_env env, napi_value exports) {
  void* memory;
  napi_value buffer;
  napi_ref held;
  check(napi_create_arraybuffer(env, sizeof(Description), &memory, &buffer));
  check(napi_create_reference(env, buffer, 1, &held));
  check(napi_set_named_property(env, exports, "descriptor", buffer));
  return static_cast<Description*>(memory);
}

}  // namespace jumpout::node
