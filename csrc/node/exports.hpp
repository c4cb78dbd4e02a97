// The functions of the addon (lib/native.ts). Each takes a Call and returns a value to JavaScript: nothing, a number, a bool
// or any value.
#pragma once

#include <napi.h>

#include <type_traits>

#include "node/call.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

// The callback that Node-API calls. No C++ exception leaves it.
template <auto kFunction>
napi_value exported(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  try {
    if constexpr (std::is_void_v<decltype(kFunction(call))>) {
      kFunction(call);
      return nullptr;
    } else if constexpr (std::is_arithmetic_v<decltype(kFunction(call))>) {
      return Napi::Value::From(env, kFunction(call));
    } else {
      return kFunction(call);
    }
  } catch (...) {
    throwCaught(env, call.receiver);
    return nullptr;
  }
}

struct Exports {
  napi_env env;
  napi_value object;
  Description* described;

  template <auto kFunction>
  void add(const char* name) const {
    napi_value function;
    check(napi_create_function(env, name, NAPI_AUTO_LENGTH, exported<kFunction>, described, &function));
    check(napi_set_named_property(env, object, name, function));
  }
};

// On the host.
void exportHostPasses(const Exports& exports);
void exportOutputs(const Exports& exports);
void exportPinned(const Exports& exports);

// In TensorFlow.
void exportTensorFlow(const Exports& exports);

// On devices.
void exportDevicePasses(const Exports& exports);
void exportDeviceMemory(const Exports& exports);
void exportCopies(const Exports& exports);
void exportStreams(const Exports& exports);
void exportGraphs(const Exports& exports);
void exportDlpack(const Exports& exports);

}  // namespace jumpout::node
