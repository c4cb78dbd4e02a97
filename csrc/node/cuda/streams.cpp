#include "node/cuda/streams.hpp"

#include "node/arrays.hpp"
#include "node/background.hpp"
#include "node/cuda/state.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

namespace {

constexpr ArgumentNames kWrapNames{"handle", {}};
constexpr ArgumentNames kSynchronizeNames{"synchronize", {}};
constexpr ArgumentNames kWaitNames{"other", {}};

int32_t deviceOf(napi_env env, napi_value value) {
  const double device = numberOf(env, value, "options.device");
  if (!(device >= 0.0 && device < 1e6)) throw failureOf(JUMPOUT_BAD_DEVICE, "options.device");
  return static_cast<int32_t>(device);
}

const StreamPointer& streamOf(napi_env env, napi_value value, const char* argument) {
  return stateOf(env).stream(numberOf(env, value, argument), argument);
}

napi_value createStream(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const int32_t device = deviceOf(env, arguments.values[0]);
  const auto stream = std::make_shared<DeviceStream>(device, nullptr, false);
  require(jumpout_cuda_stream_create(device, &stream->handle), kOnDeviceNames);
  stream->owned = true;
  return makeNumber(env, stateOf(env).streams.add(stream));
}

// wrapStream(handle, device): whose device is known already.
napi_value wrapStream(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  auto* handle = reinterpret_cast<void*>(uint64Of(env, arguments.values[0], "handle"));
  const int32_t device = deviceOf(env, arguments.values[1]);
  State& state = stateOf(env);
  // Calls on the legacy default stream share one workspace, however it is named.
  return makeNumber(
      env, state.streams.add(handle == nullptr ? state.stream(0.0, device, "options.device")
                                               : std::make_shared<DeviceStream>(device, handle, false)));
}

napi_value streamDevice(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  int32_t device = 0;
  auto* handle = reinterpret_cast<void*>(uint64Of(env, arguments.values[0], "handle"));
  require(jumpout_cuda_stream_device(handle, &device), kWrapNames);
  return makeNumber(env, device);
}

napi_value streamHandle(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  return makeBigint(env, reinterpret_cast<uintptr_t>(streamOf(env, arguments.values[0], "stream")->handle));
}

napi_value releaseStream(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const StreamPointer stream = stateOf(env).streams.remove(numberOf(env, arguments.values[0], "stream"));
  if (stream != nullptr && stream->handle != nullptr) stream->gone = true;
  return nullptr;
}

napi_value synchronize(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const StreamPointer stream = streamOf(env, arguments.values[0], "stream");
  if (stream->capturing()) throw failureOf(JUMPOUT_CAPTURING, "synchronize");
  ++stream->waiting;
  try {
    return inBackground(
        env, info,
        [stream] { return outcomeOf(jumpout_cuda_stream_synchronize(stream->device, stream->handle)); },
        [stream] { --stream->waiting; }, {}, kSynchronizeNames);
  } catch (...) {
    --stream->waiting;
    throw;
  }
}

// wait(stream, other)
napi_value wait(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  State& state = stateOf(env);
  const StreamPointer stream = streamOf(env, arguments.values[0], "stream");
  const StreamPointer other = streamOf(env, arguments.values[1], "other");
  const bool joins = other->capture != nullptr && stream->capture == nullptr;
  if (joins && stream->waiting > 0) {
    throw wrongState("no promise that waits for the stream", "wait", "one that has not settled");
  }
  require(jumpout_cuda_stream_wait(stream->device, stream->handle, other->handle), kWaitNames);
  if (joins) state.joinCapture(stream, *other->capture);
  return nullptr;
}

napi_value capturing(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  napi_value result;
  check(napi_get_boolean(env, streamOf(env, arguments.values[0], "stream")->capturing(), &result));
  return result;
}

}  // namespace

void defineStreams(napi_env env, napi_value exports) {
  define<createStream>(env, exports, "createStream");
  define<wrapStream>(env, exports, "wrapStream");
  define<streamDevice>(env, exports, "streamDevice");
  define<streamHandle>(env, exports, "streamHandle");
  define<releaseStream>(env, exports, "releaseStream");
  define<synchronize>(env, exports, "synchronize");
  define<wait>(env, exports, "wait");
  define<capturing>(env, exports, "capturing");
}

}  // namespace jumpout::node
