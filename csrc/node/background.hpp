// Work on Node's thread pool, as promises.
#pragma once

#include <node_api.h>

#include <functional>
#include <initializer_list>

#include "node/errors.hpp"

namespace jumpout::node {

// `work` runs in another thread and must not touch Node-API; `after`, where given, in JavaScript's thread, whatever came
// of it. `kept` are values that live until then; the object that the function was called on (`info`) is another, and makes
// the error. Returns the promise of undefined.
napi_value inBackground(napi_env env, napi_callback_info info, std::function<Outcome()> work,
                        std::function<void()> after, std::initializer_list<napi_value> kept,
                        const ArgumentNames& names);

}  // namespace jumpout::node
