#include "node/descriptor.hpp"

#include "node/errors.hpp"

namespace jumpout::node {

namespace {

constexpr double kWord = 4294967296.0;  // 2^32

uint64_t joined(double low, double high) {
  return integerBelow(kWord, low) | integerBelow(kWord, high) << 32;
}

void set(double& option, double value) { option = value; }

void set(int32_t& option, double value) { option = value != 0.0; }

}  // namespace

uint64_t integerBelow(double limit, double value) {
  if (!(value >= 0.0 && value < limit)) throw failureOf(JUMPOUT_BAD_OPTION, "descriptor");
  return static_cast<uint64_t>(value);
}

int32_t deviceOf(double number) {
  constexpr double kDevices = 1 << 20;  // more than any machine has
  return static_cast<int32_t>(integerBelow(kDevices, number));
}

jumpout_dtype dtypeOf(double number, size_t count) {
  return static_cast<jumpout_dtype>(integerBelow(static_cast<double>(count), number));
}

jumpout_options Descriptor::options() const {
  jumpout_options options;
#define JUMPOUT_SET(name, member) set(options.member, name);
  JUMPOUT_OPTION_FIELDS(JUMPOUT_SET)
#undef JUMPOUT_SET
  return options;
}

jumpout_layout Descriptor::layout() const {
  return {integerBelow(kExactIntegers, elementOffset), integerBelow(kExactIntegers, groupSize),
          integerBelow(kExactIntegers, unitSize), integerBelow(kExactIntegers, channels)};
}

uint64_t Descriptor::seed() const { return joined(seedLow, seedHigh); }

uint64_t Descriptor::call() const { return joined(callLow, callHigh); }

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
