#include "node/outputs.hpp"

#include <atomic>
#include <cstdint>
#include <limits>

#include "node/arrays.hpp"
#include "node/calls.hpp"
#include "node/errors.hpp"
#include "node/output_pool.hpp"

namespace jumpout::node {

namespace {

constexpr uintptr_t kCacheLine = 64;

// Electron and other engines with a memory cage refuse memory from outside; asked once, then never again.
std::atomic<bool> externalMemoryRefused{false};

void returnToPool(napi_env, void* data, void* capacity) {
  OutputPool::instance().give({data, reinterpret_cast<uintptr_t>(capacity)});
}

napi_value wrap(napi_env env, OutputPool::Block block, size_t length) {
  napi_value buffer, array;
  const napi_status status = napi_create_external_arraybuffer(
      env, block.data, length * sizeof(float), returnToPool,
      reinterpret_cast<void*>(static_cast<uintptr_t>(block.capacity)), &buffer);
  if (status == napi_no_external_buffers_allowed) {
    externalMemoryRefused = true;
    OutputPool::instance().give(block);
    return nullptr;
  }
  check(status);  // Node may have taken the block by then: better to lose it than to give it twice
  check(napi_create_typedarray(env, napi_float32_array, length, buffer, 0, &array));
  return array;
}

}  // namespace

napi_value pooled(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  int64_t length;
  if (napi_get_value_int64(env, arguments.values[0], &length) != napi_ok)
    throw wrongType("an integer", "length");
  constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();
  if (externalMemoryRefused || length <= 0 || length > kLargest) return nullptr;
  const auto elements = static_cast<size_t>(length);
  const OutputPool::Block block = OutputPool::instance().take(elements * sizeof(float));
  return block.data == nullptr ? nullptr : wrap(env, block, elements);
}

napi_value padding(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const auto address = reinterpret_cast<uintptr_t>(floatsOf(env, arguments.values[0], "array").data);
  const uintptr_t bytes = (kCacheLine - address % kCacheLine) % kCacheLine;
  napi_value result;
  check(napi_create_uint32(env, static_cast<uint32_t>(bytes / sizeof(float)), &result));
  return result;
}

}  // namespace jumpout::node
