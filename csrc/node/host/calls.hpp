// Positional JavaScript arguments as the argument structs of the C API, lengths checked against each other.
#pragma once

#include <node_api.h>

#include <cstddef>

#include "jumpout.h"
#include "node/errors.hpp"

namespace jumpout::node {

inline constexpr ArgumentNames kForwardNames{"input, out and mask",
                                             {{"input", "input"},
                                              {"output", "options.out"},
                                              {"mask", "options.mask"},
                                              {"active", "options.active"},
                                              {"call_counter", "options.call"},
                                              {"call", "options.call"},
                                              {"seed", "options.seed"},
                                              {"stream", "options.stream"},
                                              {"layout", "options.shape"},
                                              {"total", "options.shard.total"},
                                              {"options", "options"}}};
inline constexpr ArgumentNames kBackwardNames{"gradOutput, out, mask and output",
                                              {{"grad_output", "gradOutput"},
                                               {"grad_input", "options.out"},
                                               {"mask", "saved.mask"},
                                               {"output", "options.output"},
                                               {"stream", "options.stream"}}};
inline constexpr ArgumentNames kCountNames{"input",
                                           {{"input", "input"},
                                            {"active", "options.out"},
                                            {"stream", "options.stream"},
                                            {"layout", "options.shape"}}};
inline constexpr ArgumentNames kIdentityNames{
    "input and out", {{"input", "input"}, {"output", "options.out"}, {"stream", "options.stream"}}};

inline constexpr size_t kIdentityArity = 2;  // input, output
inline constexpr size_t kForwardArity = 5;  // input, output, mask or undefined, descriptor, rows or undefined
inline constexpr size_t kBackwardArity =
    6;  // gradOutput, gradInput, mask or undefined, output or undefined, descriptor, rows or undefined
inline constexpr size_t kCountArity = 3;  // input, descriptor, rows

struct IdentityArgs {
  const float* input;
  float* output;
  size_t length;
};

IdentityArgs identityArgs(napi_env env, const napi_value* argv);
jumpout_forward_args forwardArgs(napi_env env, const napi_value* argv);
jumpout_backward_args backwardArgs(napi_env env, const napi_value* argv);
jumpout_count_args countArgs(napi_env env, const napi_value* argv);

}  // namespace jumpout::node
