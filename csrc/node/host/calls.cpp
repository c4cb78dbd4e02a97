#include "node/host/calls.hpp"

#include "node/arrays.hpp"
#include "node/descriptor.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

namespace {

struct Rows {
  jumpout_group* groups;
  size_t count;
};

Rows rowsOf(napi_env env, napi_value value, const DescribedCall& call) {
  if (isUndefined(env, value)) return {call.row, 1};
  const Array<double> numbers = doublesOf(env, value, "rows");
  if (numbers.length % kRowLength != 0) throw failureOf(JUMPOUT_BAD_LENGTH, "rows");
  return {reinterpret_cast<jumpout_group*>(numbers.data), numbers.length / kRowLength};
}

void requireLength(size_t actual, size_t expected, const char* arrays) {
  if (actual != expected) throw failureOf(JUMPOUT_BAD_LENGTH, arrays);
}

uint32_t* maskOf(napi_env env, napi_value value, size_t length, const char* arrays) {
  if (isUndefined(env, value)) return nullptr;
  const Array<uint32_t> mask = wordsOf(env, value, "mask");
  requireLength(mask.length, jumpout_mask_words(length), arrays);
  return mask.data;
}

}  // namespace

IdentityArgs identityArgs(napi_env env, const napi_value* argv) {
  const Array<float> input = floatsOf(env, argv[0], "input");
  const Array<float> output = floatsOf(env, argv[1], "out");
  requireLength(output.length, input.length, "input and out");
  return {input.data, output.data, input.length};
}

jumpout_forward_args forwardArgs(napi_env env, const napi_value* argv) {
  const Array<float> input = floatsOf(env, argv[0], "input");
  const Array<float> output = floatsOf(env, argv[1], "out");
  requireLength(output.length, input.length, kForwardNames.all);
  const DescribedCall call = describedCallOf(env, argv[3]);
  const Descriptor& descriptor = call.fields;
  const Rows rows = rowsOf(env, argv[4], call);
  jumpout_forward_args args;
  args.input = input.data;
  args.output = output.data;
  args.mask = maskOf(env, argv[2], input.length, kForwardNames.all);
  args.groups = rows.groups;
  args.length = input.length;
  args.group_count = rows.count;
  args.layout = descriptor.layout();
  args.options = descriptor.options();
  args.seed = descriptor.seed();
  args.call = descriptor.call();
  args.counted = descriptor.counted != 0.0;
  return args;
}

jumpout_backward_args backwardArgs(napi_env env, const napi_value* argv) {
  const Array<float> gradOutput = floatsOf(env, argv[0], "gradOutput");
  const Array<float> gradInput = floatsOf(env, argv[1], "out");
  requireLength(gradInput.length, gradOutput.length, kBackwardNames.all);
  Array<float> output{nullptr, gradOutput.length};
  if (!isUndefined(env, argv[3])) output = floatsOf(env, argv[3], "output");
  requireLength(output.length, gradOutput.length, kBackwardNames.all);
  const DescribedCall call = describedCallOf(env, argv[4]);
  const Descriptor& descriptor = call.fields;
  const Rows rows = rowsOf(env, argv[5], call);
  jumpout_backward_args args;
  args.grad_output = gradOutput.data;
  args.grad_input = gradInput.data;
  args.mask = maskOf(env, argv[2], gradOutput.length, kBackwardNames.all);
  args.output = output.data;
  args.groups = rows.groups;
  args.length = gradOutput.length;
  args.group_count = rows.count;
  args.layout = descriptor.layout();
  args.seed = descriptor.seed();
  args.call = descriptor.call();
  args.relu = descriptor.relu != 0.0;
  return args;
}

jumpout_count_args countArgs(napi_env env, const napi_value* argv) {
  const Array<float> input = floatsOf(env, argv[0], "input");
  const DescribedCall call = describedCallOf(env, argv[1]);
  const Rows rows = rowsOf(env, argv[2], call);
  return {input.data, rows.groups, input.length, rows.count, call.fields.layout()};
}

}  // namespace jumpout::node
