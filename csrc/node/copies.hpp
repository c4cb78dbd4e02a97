// Copies between arrays of JavaScript and memory of devices, and within that memory.
#pragma once

#include <node_api.h>

namespace jumpout::node {

void defineCopies(napi_env env, napi_value exports);

}  // namespace jumpout::node
