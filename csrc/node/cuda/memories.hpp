// The functions of lib/device-memory.ts.
#pragma once

#include <node_api.h>

namespace jumpout::node {

void defineMemories(napi_env env, napi_value exports);

}  // namespace jumpout::node
