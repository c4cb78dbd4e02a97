// The functions of lib/stream.ts.
#pragma once

#include <node_api.h>

namespace jumpout::node {

void defineStreams(napi_env env, napi_value exports);

}  // namespace jumpout::node
