// The passes on the host: positional arguments become the struct of the C API, with lengths checked against each other.
#include "jumpout.h"
#include "node/background.hpp"
#include "node/descriptor.hpp"
#include "node/exports.hpp"

namespace jumpout::node {

namespace {

using Rows = Array<jumpout_group>;

// undefined: the row inside the description.
Rows rowsOf(const Call& call, size_t index) {
  return call.isUndefined(index) ? Rows{&call.described->row, 1} : call.rows(index);
}

void requireLength(size_t actual, size_t expected, const ArgumentNames& names) {
  if (actual != expected) throw failureOf(JUMPOUT_BAD_LENGTH, names.all);
}

uint32_t* maskOf(const Call& call, size_t index, size_t length, const ArgumentNames& names) {
  if (call.isUndefined(index)) return nullptr;
  const Array<uint32_t> mask = call.array<uint32_t>(index, "mask");
  requireLength(mask.length, jumpout_mask_words(length), names);
  return mask.data;
}

// (input, output, mask or undefined, rows or undefined)
jumpout_forward_args forwardArgs(const Call& call) {
  const Array<float> input = call.array<float>(0, "input");
  const Array<float> output = call.array<float>(1, "out");
  requireLength(output.length, input.length, kForwardNames);
  const Descriptor& fields = call.described->fields;
  const Rows rows = rowsOf(call, 3);
  jumpout_forward_args args;
  args.input = input.data;
  args.output = output.data;
  args.mask = maskOf(call, 2, input.length, kForwardNames);
  args.groups = rows.data;
  args.length = input.length;
  args.group_count = rows.length;
  args.layout = fields.layout();
  args.options = fields.options();
  args.seed = fields.seed();
  args.call = fields.call();
  args.counted = fields.counted != 0.0;
  return args;
}

// (gradOutput, gradInput, mask or undefined, output or undefined, rows or undefined)
jumpout_backward_args backwardArgs(const Call& call) {
  const Array<float> gradOutput = call.array<float>(0, "gradOutput");
  const Array<float> gradInput = call.array<float>(1, "out");
  requireLength(gradInput.length, gradOutput.length, kBackwardNames);
  Array<float> output{nullptr, gradOutput.length};
  if (!call.isUndefined(3)) output = call.array<float>(3, "output");
  requireLength(output.length, gradOutput.length, kBackwardNames);
  const Descriptor& fields = call.described->fields;
  const Rows rows = rowsOf(call, 4);
  jumpout_backward_args args;
  args.grad_output = gradOutput.data;
  args.grad_input = gradInput.data;
  args.mask = maskOf(call, 2, gradOutput.length, kBackwardNames);
  args.output = output.data;
  args.groups = rows.data;
  args.length = gradOutput.length;
  args.group_count = rows.length;
  args.layout = fields.layout();
  args.seed = fields.seed();
  args.call = fields.call();
  args.relu = fields.relu != 0.0;
  return args;
}

// (input, rows)
jumpout_count_args countArgs(const Call& call) {
  const Array<float> input = call.array<float>(0, "input");
  const Rows rows = call.rows(1);
  return {input.data, rows.data, input.length, rows.length, call.described->fields.layout()};
}

struct IdentityArgs {
  const float* input;
  float* output;
  size_t length;
};

// (input, output)
IdentityArgs identityArgs(const Call& call) {
  const Array<float> input = call.array<float>(0, "input");
  const Array<float> output = call.array<float>(1, "out");
  requireLength(output.length, input.length, kIdentityNames);
  return {input.data, output.data, input.length};
}

jumpout_status runIdentity(const IdentityArgs* args) {
  return jumpout_identity(args->input, args->output, args->length);
}

template <typename Args>
struct Pass {
  Args (*argsOf)(const Call& call);
  jumpout_status (*run)(const Args* args);
  const ArgumentNames& names;
};

constexpr Pass<jumpout_forward_args> kForward{forwardArgs, jumpout_forward, kForwardNames};
constexpr Pass<jumpout_backward_args> kBackward{backwardArgs, jumpout_backward, kBackwardNames};
constexpr Pass<jumpout_count_args> kCount{countArgs, jumpout_count_active, kCountNames};
constexpr Pass<IdentityArgs> kIdentity{identityArgs, runIdentity, kIdentityNames};

template <const auto& kPass>
void now(const Call& call) {
  const auto args = kPass.argsOf(call);
  require(kPass.run(&args), kPass.names);
}

// Runs the pass in the background, with the turn as the last argument. The next call overwrites the row of the description,
// so a pass in the background needs rows of its own.
template <const auto& kPass, size_t kTurn>
napi_value later(const Call& call) {
  const auto args = kPass.argsOf(call);
  if constexpr (requires { args.groups; }) {
    if (call.isUndefined(kTurn - 1)) throw wrongType("a Float64Array", "rows");
  }
  const Turn turn = turnOf(call, kTurn);
  return inBackground(call, turn, [args] { return kPass.run(&args); }, kPass.names);
}

}  // namespace

void exportHostPasses(const Exports& exports) {
  exports.add<now<kForward>>("forward");
  exports.add<later<kForward, 4>>("forwardAsync");
  exports.add<now<kBackward>>("backward");
  exports.add<later<kBackward, 5>>("backwardAsync");
  exports.add<now<kIdentity>>("identity");
  exports.add<later<kIdentity, 2>>("identityAsync");
  exports.add<now<kCount>>("countActive");
}

}  // namespace jumpout::node
