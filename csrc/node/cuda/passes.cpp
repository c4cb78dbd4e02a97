#include "node/cuda/passes.hpp"

#include "node/arrays.hpp"
#include "node/cuda/enqueue.hpp"
#include "node/descriptor.hpp"
#include "node/errors.hpp"
#include "node/host/calls.hpp"

namespace jumpout::node {

namespace {

// What all calls share.
struct DeviceCall {
  State& state;
  DescribedDeviceCall call;
  Enqueue enqueue;
  size_t length;
  size_t groupCount;
  jumpout_dtype dtype;

  DeviceCall(napi_env env, napi_callback_info info)
      : state(stateOf(env)),
        call(describedDeviceCallOf(env, Arguments<1>(env, info).values[0])),
        enqueue(state, call.on.device, call.on.stream),
        length(integerBelow(kExactIntegers, call.on.length)),
        groupCount(integerBelow(kExactIntegers, call.on.groupCount)),
        dtype(static_cast<jumpout_dtype>(integerBelow(3, call.on.dtype))) {}

  size_t elementBytes() const {
    return length * (dtype == JUMPOUT_FLOAT32 ? sizeof(float) : sizeof(uint16_t));
  }
  size_t maskBytes() const { return jumpout_mask_words(length) * sizeof(uint32_t); }
  size_t countBytes() const { return groupCount * sizeof(uint64_t); }
  size_t recordBytes() const { return groupCount * sizeof(jumpout_record); }
};

napi_value deviceForward(napi_env env, napi_callback_info info) {
  DeviceCall call(env, info);
  const DeviceDescriptor& on = call.call.on;
  const Descriptor& fields = call.call.fields;
  Enqueue& enqueue = call.enqueue;
  jumpout_device_forward_args args = {};
  args.input = enqueue.use(on.input, on.inputOffset, call.elementBytes(), "input");
  args.output = enqueue.use(on.output, on.outputOffset, call.elementBytes(), "options.out");
  args.mask = static_cast<uint32_t*>(enqueue.use(on.mask, on.maskOffset, call.maskBytes(), "options.mask"));
  args.records =
      static_cast<jumpout_record*>(enqueue.use(on.records, on.recordsOffset, call.recordBytes(), "records"));
  args.active = static_cast<const uint64_t*>(
      enqueue.use(on.active, on.activeOffset, call.countBytes(), "options.active"));
  args.call_counter =
      static_cast<uint64_t*>(enqueue.use(on.counter, on.counterOffset, sizeof(uint64_t), "options.call"));
  args.workspace = enqueue.workspace();
  args.stream = enqueue.handle();
  args.length = call.length;
  args.group_count = call.groupCount;
  args.layout = fields.layout();
  args.options = fields.options();
  args.total = integerBelow(kExactIntegers, on.total);
  args.seed = fields.seed();
  args.call = fields.call();
  args.dtype = call.dtype;
  args.device = enqueue.device();
  args.all_active = on.allActive != 0.0;
  require(jumpout_device_forward(&args), kForwardNames);
  return nullptr;
}

napi_value deviceBackward(napi_env env, napi_callback_info info) {
  DeviceCall call(env, info);
  const DeviceDescriptor& on = call.call.on;
  Enqueue& enqueue = call.enqueue;
  jumpout_device_backward_args args = {};
  args.grad_output = enqueue.use(on.input, on.inputOffset, call.elementBytes(), "gradOutput");
  args.grad_input = enqueue.use(on.output, on.outputOffset, call.elementBytes(), "options.out");
  args.mask =
      static_cast<const uint32_t*>(enqueue.use(on.mask, on.maskOffset, call.maskBytes(), "saved.mask"));
  args.output = enqueue.use(on.forwardOutput, on.forwardOutputOffset, call.elementBytes(), "options.output");
  args.records = static_cast<const jumpout_record*>(
      enqueue.use(on.records, on.recordsOffset, call.recordBytes(), "saved"));
  args.stream = enqueue.handle();
  args.length = call.length;
  args.group_count = call.groupCount;
  args.layout = call.call.fields.layout();
  args.dtype = call.dtype;
  args.device = enqueue.device();
  args.relu = call.call.fields.relu != 0.0;
  require(jumpout_device_backward(&args), kBackwardNames);
  return nullptr;
}

napi_value deviceCountActive(napi_env env, napi_callback_info info) {
  DeviceCall call(env, info);
  const DeviceDescriptor& on = call.call.on;
  Enqueue& enqueue = call.enqueue;
  jumpout_device_count_args args = {};
  args.input = enqueue.use(on.input, on.inputOffset, call.elementBytes(), "input");
  args.active =
      static_cast<uint64_t*>(enqueue.use(on.active, on.activeOffset, call.countBytes(), "options.out"));
  args.stream = enqueue.handle();
  args.length = call.length;
  args.group_count = call.groupCount;
  args.layout = call.call.fields.layout();
  args.dtype = call.dtype;
  args.device = enqueue.device();
  require(jumpout_device_count_active(&args), kCountNames);
  return nullptr;
}

napi_value deviceIdentity(napi_env env, napi_callback_info info) {
  DeviceCall call(env, info);
  const DeviceDescriptor& on = call.call.on;
  Enqueue& enqueue = call.enqueue;
  jumpout_device_identity_args args = {};
  args.input = enqueue.use(on.input, on.inputOffset, call.elementBytes(), "input");
  args.output = enqueue.use(on.output, on.outputOffset, call.elementBytes(), "options.out");
  args.stream = enqueue.handle();
  args.length = call.length;
  args.dtype = call.dtype;
  args.device = enqueue.device();
  require(jumpout_device_identity(&args), kIdentityNames);
  return nullptr;
}

}  // namespace

void defineDeviceCalls(napi_env env, napi_value exports) {
  define<deviceForward>(env, exports, "deviceForward");
  define<deviceBackward>(env, exports, "deviceBackward");
  define<deviceCountActive>(env, exports, "deviceCountActive");
  define<deviceIdentity>(env, exports, "deviceIdentity");
}

}  // namespace jumpout::node
