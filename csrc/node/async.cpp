#include "node/async.hpp"

#include "node/arrays.hpp"
#include "node/background.hpp"
#include "node/calls.hpp"

namespace jumpout::node {

namespace {

// The descriptor's own row serves the next call too.
void requireRows(napi_env env, napi_value rows) {
  if (isUndefined(env, rows)) throw wrongType("a Float64Array", "rows");
}

}  // namespace

napi_value forwardAsync(napi_env env, napi_callback_info info) {
  const Arguments<kForwardArity> arguments(env, info);
  const napi_value* values = arguments.values;
  requireRows(env, values[4]);
  const jumpout_forward_args args = forwardArgs(env, values);
  return inBackground(
      env, info, [args] { return outcomeOf(jumpout_forward(&args)); }, {},
      {values[0], values[1], values[2], values[4]}, kForwardNames);
}

napi_value backwardAsync(napi_env env, napi_callback_info info) {
  const Arguments<kBackwardArity> arguments(env, info);
  const napi_value* values = arguments.values;
  requireRows(env, values[5]);
  const jumpout_backward_args args = backwardArgs(env, values);
  return inBackground(
      env, info, [args] { return outcomeOf(jumpout_backward(&args)); }, {},
      {values[0], values[1], values[2], values[3], values[5]}, kBackwardNames);
}

}  // namespace jumpout::node
