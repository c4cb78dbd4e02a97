// The passes on a device. They take no arguments: all is in the description, where streams and memory are numbers.
#include "node/cuda/operation.hpp"
#include "node/exports.hpp"

namespace jumpout::node {

namespace {

struct DevicePass {
  const Description& described;
  Operation operation;
  size_t length;
  size_t groupCount;
  jumpout_dtype dtype;

  explicit DevicePass(const Call& call)
      : described(*call.described),
        operation(stateOf(call.env), described.on.device, described.on.stream),
        length(integerBelow(kExactIntegers, described.on.length)),
        groupCount(integerBelow(kExactIntegers, described.on.groupCount)),
        dtype(dtypeOf(described.on.dtype, kFloatingDtypes)) {}

  // The struct of the C API, with the fields that all passes have.
  template <typename Args>
  Args args() const {
    Args args = {};
    args.stream = operation.handle();
    args.length = length;
    args.dtype = dtype;
    args.device = operation.device();
    if constexpr (requires { args.layout; }) {
      args.group_count = groupCount;
      args.layout = described.fields.layout();
    }
    return args;
  }

  void* elements(double memory, double offset, const char* argument) {
    return operation.useBytes(memory, offset, length * bytesOf(dtype), argument);
  }

  uint32_t* mask(double memory, double offset, const char* argument) {
    return operation.use<uint32_t>(memory, offset, jumpout_mask_words(length), argument);
  }

  // One T per group.
  template <typename T>
  T* perGroup(double memory, double offset, const char* argument) {
    return operation.use<T>(memory, offset, groupCount, argument);
  }
};

void deviceForward(const Call& call) {
  DevicePass pass(call);
  const auto& [fields, row, on] = pass.described;
  auto args = pass.args<jumpout_device_forward_args>();
  args.input = pass.elements(on.input, on.inputOffset, "input");
  args.output = pass.elements(on.output, on.outputOffset, "options.out");
  args.mask = pass.mask(on.mask, on.maskOffset, "options.mask");
  args.records = pass.perGroup<jumpout_record>(on.records, on.recordsOffset, "records");
  args.active = pass.perGroup<uint64_t>(on.active, on.activeOffset, "options.active");
  args.call_counter = pass.operation.use<uint64_t>(on.counter, on.counterOffset, 1, "options.call");
  args.workspace = pass.operation.workspace();
  args.options = fields.options();
  args.total = integerBelow(kExactIntegers, on.total);
  args.seed = fields.seed();
  args.call = fields.call();
  args.all_active = on.allActive != 0.0;
  require(jumpout_device_forward(&args), kForwardNames);
}

void deviceBackward(const Call& call) {
  DevicePass pass(call);
  const auto& [fields, row, on] = pass.described;
  auto args = pass.args<jumpout_device_backward_args>();
  args.grad_output = pass.elements(on.input, on.inputOffset, "gradOutput");
  args.grad_input = pass.elements(on.output, on.outputOffset, "options.out");
  args.mask = pass.mask(on.mask, on.maskOffset, "saved.mask");
  args.output = pass.elements(on.forwardOutput, on.forwardOutputOffset, "options.output");
  args.records = pass.perGroup<jumpout_record>(on.records, on.recordsOffset, "saved");
  args.relu = fields.relu != 0.0;
  require(jumpout_device_backward(&args), kBackwardNames);
}

void deviceCountActive(const Call& call) {
  DevicePass pass(call);
  const DeviceDescriptor& on = pass.described.on;
  auto args = pass.args<jumpout_device_count_args>();
  args.input = pass.elements(on.input, on.inputOffset, "input");
  args.active = pass.perGroup<uint64_t>(on.active, on.activeOffset, "options.out");
  require(jumpout_device_count_active(&args), kCountNames);
}

void deviceIdentity(const Call& call) {
  DevicePass pass(call);
  const DeviceDescriptor& on = pass.described.on;
  auto args = pass.args<jumpout_device_identity_args>();
  args.input = pass.elements(on.input, on.inputOffset, "input");
  args.output = pass.elements(on.output, on.outputOffset, "options.out");
  require(jumpout_device_identity(&args), kIdentityNames);
}

}  // namespace

void exportDevicePasses(const Exports& exports) {
  exports.add<deviceForward>("deviceForward");
  exports.add<deviceBackward>("deviceBackward");
  exports.add<deviceCountActive>("deviceCountActive");
  exports.add<deviceIdentity>("deviceIdentity");
}

}  // namespace jumpout::node
