// The same calls on Node's thread pool, as promises.
#pragma once

#include <node_api.h>

namespace jumpout::node {

napi_value forwardAsync(napi_env env, napi_callback_info info);
napi_value backwardAsync(napi_env env, napi_callback_info info);
napi_value identityAsync(napi_env env, napi_callback_info info);

}  // namespace jumpout::node
