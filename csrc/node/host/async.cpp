#include "node/host/async.hpp"

#include "node/arrays.hpp"
#include "node/background.hpp"
#include "node/host/calls.hpp"

namespace jumpout::node {

namespace {

// The descriptor's own row serves the next call too.
void requireRows(napi_env env, napi_value rows) {
  if (isUndefined(env, rows)) throw wrongType("a Float64Array", "rows");
}

}  // namespace

// One argument more than the synchronous calls have: the turn.
napi_value forwardAsync(napi_env env, napi_callback_info info) {
  const Arguments<kForwardArity + 1> arguments(env, info);
  const napi_value* values = arguments.values;
  requireRows(env, values[4]);
  const jumpout_forward_args args = forwardArgs(env, values);
  const Turn turn = turnOf(env, values[5]);
  return inBackground(
      env, info, [args, turn] { return inTurn(turn, [&args] { return outcomeOf(jumpout_forward(&args)); }); },
      {}, {values[0], values[1], values[2], values[4], values[5]}, kForwardNames);
}

napi_value backwardAsync(napi_env env, napi_callback_info info) {
  const Arguments<kBackwardArity + 1> arguments(env, info);
  const napi_value* values = arguments.values;
  requireRows(env, values[5]);
  const jumpout_backward_args args = backwardArgs(env, values);
  const Turn turn = turnOf(env, values[6]);
  return inBackground(
      env, info,
      [args, turn] { return inTurn(turn, [&args] { return outcomeOf(jumpout_backward(&args)); }); }, {},
      {values[0], values[1], values[2], values[3], values[5], values[6]}, kBackwardNames);
}

napi_value identityAsync(napi_env env, napi_callback_info info) {
  const Arguments<kIdentityArity + 1> arguments(env, info);
  const napi_value* values = arguments.values;
  const IdentityArgs args = identityArgs(env, values);
  const Turn turn = turnOf(env, values[2]);
  const auto work = [args] { return outcomeOf(jumpout_identity(args.input, args.output, args.length)); };
  return inBackground(
      env, info, [work, turn] { return inTurn(turn, work); }, {}, {values[0], values[1], values[2]},
      kIdentityNames);
}

}  // namespace jumpout::node
