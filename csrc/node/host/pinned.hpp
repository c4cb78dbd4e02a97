// Page-locked host memory behind array buffers.
#pragma once

#include <node_api.h>

namespace jumpout::node {

// allocPinned(length): the buffer of so many floats.
napi_value allocPinned(napi_env env, napi_callback_info info);

}  // namespace jumpout::node
