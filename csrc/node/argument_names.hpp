// What JavaScript calls the fields of the structs of passes, on the host and on devices, and the parameters of copies.
#pragma once

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
inline constexpr ArgumentNames kCopyNames{"the copy", {{"stream", "options.stream"}}};

}  // namespace jumpout::node
