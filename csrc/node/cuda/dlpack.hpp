// DLPack tensors as Node-API externals (docs/cuda.md says which).
#pragma once

#include <node_api.h>

namespace jumpout::node {

void defineDlpack(napi_env env, napi_value exports);

}  // namespace jumpout::node
