// The passes on a device. Each takes one descriptor: streams and memory are numbers in it.
#pragma once

#include <node_api.h>

namespace jumpout::node {

void defineDeviceCalls(napi_env env, napi_value exports);

}  // namespace jumpout::node
