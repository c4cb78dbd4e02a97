// Work on Node's thread pool, as promises.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <functional>

#include "node/call.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

// An int32 that work shares with JavaScript, which may call the work off. It holds 0 until one side changes it: the thread
// that begins, or JavaScript, which writes 2 (lib/host/place.ts). The first one decides. nullptr: nothing can call it off.
using Turn = int32_t*;
Turn turnOf(const Call& call, size_t index);

// Returns a promise of undefined. `work` runs in another thread and must not use Node-API. Where JavaScript called it off, it
// does not run and the promise fulfils. On success and on failure `work` is destroyed on the JavaScript thread before the
// promise settles. Until then the receiver and the arguments of the call stay alive. The receiver makes the error.
napi_value inBackground(const Call& call, Turn turn, std::function<jumpout_status()> work,
                        const ArgumentNames& names);

}  // namespace jumpout::node
