// Positional JavaScript arguments as the argument structs of the C API, lengths checked against each other.
#pragma once

#include <node_api.h>

#include <cstddef>

#include "jumpout.h"

namespace jumpout::node {

// What the arguments are called in messages.
inline constexpr char kForwardArrays[] = "input, out and mask";
inline constexpr char kBackwardArrays[] = "gradOutput, out, mask and output";

inline constexpr size_t kForwardArity = 5;  // input, output, mask or undefined, descriptor, rows or undefined
inline constexpr size_t kBackwardArity =
    6;  // gradOutput, gradInput, mask or undefined, output or undefined, descriptor, rows or undefined
inline constexpr size_t kCountArity = 3;  // input, descriptor, rows

jumpout_forward_args forwardArgs(napi_env env, const napi_value* argv);
jumpout_backward_args backwardArgs(napi_env env, const napi_value* argv);
jumpout_count_args countArgs(napi_env env, const napi_value* argv);

// Missing arguments are undefined, further ones ignored.
template <size_t kArity>
struct Arguments {
  napi_value values[kArity];

  Arguments(napi_env env, napi_callback_info info) {
    size_t count = kArity;
    napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  }
};

}  // namespace jumpout::node
