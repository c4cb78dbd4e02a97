#include "node/cuda/stream.hpp"

#include "node/background.hpp"
#include "node/cuda/state.hpp"
#include "node/descriptor.hpp"
#include "node/exports.hpp"

namespace jumpout::node {

namespace {

constexpr ArgumentNames kWrapNames{"handle", {}};
constexpr ArgumentNames kSynchronizeNames{"synchronize", {}};
constexpr ArgumentNames kWaitNames{"other", {}};

const StreamPointer& streamOf(const Call& call, size_t index, const char* argument) {
  return stateOf(call.env).stream(call.number(index, argument), argument);
}

double createStream(const Call& call) {
  State& state = stateOf(call.env);
  return state.streams.add(
      state.knownStreams.make(existingDevice(call.number(0, "device"), "options.device")));
}

// wrapStream(handle, device): the caller knows the device already.
double wrapStream(const Call& call) {
  void* const handle = call.pointer(0, "handle");
  const int32_t device = deviceOf(call.number(1, "device"));
  State& state = stateOf(call.env);
  if (handle != nullptr) return state.streams.add(state.knownStreams.wrap(device, handle));
  StreamPointer legacy = state.stream(0.0, device, "options.device");
  ++legacy->names;
  return state.streams.add(std::move(legacy));
}

double streamDevice(const Call& call) {
  int32_t device = 0;
  require(jumpout_cuda_stream_device(call.pointer(0, "handle"), &device), kWrapNames);
  return device;
}

Napi::BigInt streamHandle(const Call& call) {
  const StreamPointer& stream = streamOf(call, 0, "stream");
  return Napi::BigInt::New(call.env, uint64_t{reinterpret_cast<uintptr_t>(stream->handle)});
}

void releaseStream(const Call& call) {
  const StreamPointer stream = stateOf(call.env).streams.remove(call.number(0, "stream"));
  if (stream != nullptr) --stream->names;
}

napi_value synchronize(const Call& call) {
  const StreamPointer stream = streamOf(call, 0, "stream");
  if (stream->capturing()) throw failureOf(JUMPOUT_CAPTURING, "synchronize");
  return inBackground(
      call, nullptr, [waiting = whileWaiting(stream)] { return waiting->synchronize(); }, kSynchronizeNames);
}

// wait(stream, other)
void wait(const Call& call) {
  const StreamPointer stream = streamOf(call, 0, "stream");
  const StreamPointer other = streamOf(call, 1, "other");
  const bool joins = other->capture != nullptr && stream->capture == nullptr;
  if (joins && stream->waiting > 0) {
    throw wrongState("no promise that waits for the stream", "wait", "one that has not settled");
  }
  require(jumpout_cuda_stream_wait(stream->device, stream->handle, other->handle), kWaitNames);
  if (joins) other->capture->add(stream);
}

bool capturing(const Call& call) { return streamOf(call, 0, "stream")->capturing(); }

}  // namespace

DeviceStream::~DeviceStream() {
  jumpout_cuda_free(device, workspace, &handle, 1);
  if (owned) jumpout_cuda_stream_destroy(device, handle);
}

bool DeviceStream::capturing() const {
  if (handle == nullptr) return false;  // the legacy default stream cannot be captured
  int32_t result = 0;
  return jumpout_cuda_stream_capturing(device, handle, &result) == JUMPOUT_OK && result != 0;
}

StreamPointer makeStream(int32_t device) {
  auto stream = std::make_shared<DeviceStream>(device, nullptr, false);
  require(jumpout_cuda_stream_create(device, &stream->handle), kOnDeviceNames);
  stream->owned = true;
  return stream;
}

const StreamPointer& KnownStreams::add(const StreamPointer& stream) {
  std::erase_if(streams_, [](const auto& known) { return known.second.expired(); });
  // In the place of a wrapped one of that name, which its owner has destroyed.
  streams_.insert_or_assign({stream->device, stream->handle}, stream);
  return stream;
}

StreamPointer KnownStreams::make(int32_t device) { return add(makeStream(device)); }

StreamPointer KnownStreams::wrap(int32_t device, void* handle) {
  const auto found = streams_.find({device, handle});
  const StreamPointer known = found == streams_.end() ? nullptr : found->second.lock();
  if (known == nullptr) return add(std::make_shared<DeviceStream>(device, handle, false));
  ++known->names;
  return known;
}

StreamPointer whileWaiting(const StreamPointer& stream) {
  ++stream->waiting;
  return StreamPointer(stream.get(), [stream](DeviceStream*) { --stream->waiting; });
}

void exportStreams(const Exports& exports) {
  exports.add<createStream>("createStream");
  exports.add<wrapStream>("wrapStream");
  exports.add<streamDevice>("streamDevice");
  exports.add<streamHandle>("streamHandle");
  exports.add<releaseStream>("releaseStream");
  exports.add<synchronize>("synchronize");
  exports.add<wait>("wait");
  exports.add<capturing>("capturing");
}

}  // namespace jumpout::node
