// New Float32Arrays, and where they lie.
#pragma once

#include <node_api.h>

namespace jumpout::node {

// pooled(length): an uninitialised array from the pool, or undefined where there is none to be had.
napi_value pooled(napi_env env, napi_callback_info info);

// padding(array): elements to skip until the next 64-byte boundary.
napi_value padding(napi_env env, napi_callback_info info);

}  // namespace jumpout::node
