// Page-locked host memory behind array buffers.
#include "jumpout_cuda.h"
#include "node/descriptor.hpp"
#include "node/exports.hpp"

namespace jumpout::node {

namespace {

// allocPinned(length): the buffer of `length` floats.
napi_value allocPinned(const Call& call) {
  constexpr double kLongest = kExactIntegers / sizeof(float);
  const size_t bytes = integerBelow(kLongest, call.number(0, "length")) * sizeof(float);
  void* memory = nullptr;
  require(jumpout_cuda_allocate_pinned(bytes == 0 ? 1 : bytes, &memory), kNoNames);
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(
      call.env, memory, bytes, [](napi_env, void* data, void*) { jumpout_cuda_free_pinned(data); }, nullptr,
      &buffer);
  if (status == napi_no_external_buffers_allowed) {
    jumpout_cuda_free_pinned(memory);
    throw wrongState("an engine that allows external array buffers", "allocPinned", "one that does not");
  }
  check(status);  // Node may own the memory already: a leak is better than a second free
  return buffer;
}

}  // namespace

void exportPinned(const Exports& exports) { exports.add<allocPinned>("allocPinned"); }

}  // namespace jumpout::node
