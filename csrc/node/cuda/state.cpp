#include "node/cuda/state.hpp"

#include "node/errors.hpp"

namespace jumpout::node {

namespace {

// Without CUDA there is no device, and the sentence says why.
Failure noDevice(int32_t device, const char* argument) {
  const int32_t count = jumpout_cuda_device_count();
  if (count == 0) return failureOf(JUMPOUT_NO_CUDA, argument);
  return wrongValue("a device below " + std::to_string(count), argument, std::to_string(device));
}

}  // namespace

State::State(napi_env env) : env(env), reaper(std::make_shared<Reaper>(env)), captures(env, *reaper) {}

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
    if (device >= jumpout_cuda_device_count()) throw noDevice(device, argument);
    legacy = std::make_shared<DeviceStream>(device, nullptr, false);
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
