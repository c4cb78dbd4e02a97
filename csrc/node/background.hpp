// Work on Node's thread pool, as promises.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <functional>
#include <initializer_list>

#include "node/errors.hpp"

namespace jumpout::node {

// The int32 of whoever may call work off, 0 as long as nobody did: whoever changes it first decides, the thread that begins
// or JavaScript, which writes 2 (lib/abort.ts). nullptr where nobody may.
using Turn = int32_t*;
Turn turnOf(napi_env env, napi_value value);

// `work` in its turn: called off, it is not done, and its promise fulfils.
Outcome inTurn(Turn turn, const std::function<Outcome()>& work);

// `work` runs in another thread and must not touch Node-API; `after`, where given, in JavaScript's thread, whatever came
// of it. `kept` are values that live until then; the object that the function was called on (`info`) is another, and makes
// the error. Returns the promise of undefined.
napi_value inBackground(napi_env env, napi_callback_info info, std::function<Outcome()> work,
                        std::function<void()> after, std::initializer_list<napi_value> kept,
                        const ArgumentNames& names);

}  // namespace jumpout::node
