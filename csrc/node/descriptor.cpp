#include "node/descriptor.hpp"

#include <cstring>

#include "node/arrays.hpp"
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

jumpout_options Descriptor::options() const {
  jumpout_options options;
#define JUMPOUT_SET(name, member) set(options.member, name);
  JUMPOUT_OPTION_FIELDS(JUMPOUT_SET)
#undef JUMPOUT_SET
  return options;
}

jumpout_layout Descriptor::layout() const {
  return {integerBelow(kExactIntegers, elementOffset), integerBelow(kExactIntegers, groupSize),
          integerBelow(kExactIntegers, unitSize)};
}

uint64_t Descriptor::seed() const { return joined(seedLow, seedHigh); }

uint64_t Descriptor::call() const { return joined(callLow, callHigh); }

DescribedCall describedCallOf(napi_env env, napi_value value) {
  const Array<double> numbers = arrayOf<double>(env, value, "descriptor");
  if (numbers.length != kDescriptorLength + kRowLength) throw failureOf(JUMPOUT_BAD_LENGTH, "descriptor");
  DescribedCall call;
  std::memcpy(&call.fields, numbers.data, sizeof call.fields);
  call.row = reinterpret_cast<jumpout_group*>(numbers.data + kDescriptorLength);
  return call;
}

DescribedDeviceCall describedDeviceCallOf(napi_env env, napi_value value) {
  const Array<double> numbers = arrayOf<double>(env, value, "descriptor");
  if (numbers.length != kDescriptorLength + kDeviceLength) throw failureOf(JUMPOUT_BAD_LENGTH, "descriptor");
  DescribedDeviceCall call;
  std::memcpy(&call.fields, numbers.data, sizeof call.fields);
  std::memcpy(&call.on, numbers.data + kDescriptorLength, sizeof call.on);
  return call;
}

}  // namespace jumpout::node
