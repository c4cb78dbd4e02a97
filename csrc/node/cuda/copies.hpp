// Between arrays of JavaScript and memory of devices: the functions of lib/device-copy.ts.
#pragma once

#include <node_api.h>

namespace jumpout::node {

void defineCopies(napi_env env, napi_value exports);

}  // namespace jumpout::node
