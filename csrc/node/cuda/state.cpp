#include "node/cuda/state.hpp"

#include "node/descriptor.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

// Without CUDA there is no device, and the sentence says why.
int32_t existingDevice(double number, const char* argument) {
  const int32_t device = deviceOf(number), count = jumpout_cuda_device_count();
  if (device < count) return device;
  if (count == 0) throw failureOf(JUMPOUT_NO_CUDA, argument);
  throw wrongValue("a device below " + std::to_string(count), argument, std::to_string(device));
}

State::State(napi_env env)
    : env(env), reaper(std::make_shared<Reaper>(env)), captures(env, *reaper), lentForGood(env) {}

// Graphs first, since they use the others.
State::~State() {
  graphs.clear();
  memories.clear();
  streams.clear();
}

// In a cleanup hook, which runs before all finalizers: no work may be queued for an environment that is being freed.
void State::close() {
  captures.abandon();
  reaper->close();
}

const StreamPointer& State::stream(double handle, const char* argument) {
  return streams.get(handle, "a stream that was not destroyed", argument, "a destroyed one");
}

const StreamPointer& State::stream(double handle, int32_t device, const char* argument) {
  if (handle != 0.0) {
    const StreamPointer& found = stream(handle, argument);
    if (found->device != device) throw wrongDevice("a stream", device, argument, found->device);
    return found;
  }
  StreamPointer& legacy = defaultStreams_[device];
  if (legacy == nullptr) {
    legacy = std::make_shared<DeviceStream>(existingDevice(device, argument), nullptr, false);
  }
  return legacy;
}

const MemoryPointer& State::memory(double handle, const char* argument) {
  return memories.get(handle, "an array with its memory", argument, "a freed one");
}

State& stateOf(napi_env env) {
  void* state = nullptr;
  if (napi_get_instance_data(env, &state) != napi_ok || state == nullptr) throw PendingFailure{};
  return *static_cast<State*>(state);
}

void createState(napi_env env) {
  auto state = std::make_unique<State>(env);
  check(napi_set_instance_data(
      env, state.get(), [](napi_env, void* data, void*) { delete static_cast<State*>(data); }, nullptr));
  State* const owned = state.release();
  check(napi_add_env_cleanup_hook(env, [](void* data) { static_cast<State*>(data)->close(); }, owned));
}

}  // namespace jumpout::node
