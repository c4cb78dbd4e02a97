// Page-locked host memory behind ordinary Float32Arrays.
#pragma once

#include <node_api.h>

namespace jumpout::node {

// allocPinned(length)
napi_value allocPinned(napi_env env, napi_callback_info info);

}  // namespace jumpout::node
