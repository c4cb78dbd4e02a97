#include "node/host/pinned.hpp"

#include "node/arrays.hpp"
#include "node/descriptor.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

napi_value allocPinned(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  constexpr double kLongest = kExactIntegers / sizeof(float);
  const size_t length = integerBelow(kLongest, numberOf(env, arguments.values[0], "length"));
  const size_t bytes = length * sizeof(float);
  void* memory = nullptr;
  require(jumpout_cuda_allocate_pinned(bytes == 0 ? 1 : bytes, &memory), kNoNames);
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(
      env, memory, bytes, [](napi_env, void* data, void*) { jumpout_cuda_free_pinned(data); }, nullptr,
      &buffer);
  if (status == napi_no_external_buffers_allowed) {
    jumpout_cuda_free_pinned(memory);
    throw wrongState("an engine that allows external array buffers", "allocPinned", "one that does not");
  }
  check(status);  // Node may have taken the memory by then: better to lose it than to free it twice
  return buffer;
}

}  // namespace jumpout::node
