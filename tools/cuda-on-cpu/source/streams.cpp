// Streams and events. Work runs when it is submitted, so order matters only to captures.
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "runtime.hpp"

struct CUevent_st {
  using Clock = std::chrono::steady_clock;
  int device;
  bool timing;
  bool recorded = false;
  Clock::time_point time;
  // Where in a capture it was recorded last, if it was.
  std::weak_ptr<cuda_on_cpu::Capture> capture;
  CUstream_st* stream = nullptr;
  uint64_t captured = 0;
};

namespace cuda_on_cpu {

CUstream_st* find(cudaStream_t stream) {
  if (stream == nullptr || stream == cudaStreamLegacy) return &deviceOf(currentDevice()).legacy;
  return state().streams.count(stream) == 0 ? nullptr : stream;
}

bool isCapturing(const CUstream_st& stream) { return stream.capture != nullptr; }

cudaError_t submit(CUstream_st& stream, Work work) {
  if (isCapturing(stream)) {
    if (stream.capture->invalid) return cudaErrorStreamCaptureInvalidated;
    stream.capture->works.push_back(std::move(work));
    ++stream.captured;
    stream.joined = &stream == stream.capture->origin;
    return cudaSuccess;
  }
  if (&stream == &deviceOf(stream.device).legacy) {
    for (const std::shared_ptr<Capture>& capture : state().captures) {
      for (const CUstream_st* other : capture->streams) {
        if (other->blocking && other->device == stream.device) {
          return invalidate(*capture, cudaErrorStreamCaptureImplicit);
        }
      }
    }
  }
  return work();
}

namespace {

CUevent_st* findEvent(cudaEvent_t event) { return state().events.count(event) == 0 ? nullptr : event; }

cudaError_t createStream(cudaStream_t* stream, unsigned int flags) {
  if (stream == nullptr || (flags & ~cudaStreamNonBlocking) != 0) return cudaErrorInvalidValue;
  *stream = new CUstream_st;
  (*stream)->device = currentDevice();
  (*stream)->blocking = (flags & cudaStreamNonBlocking) == 0;
  state().streams.insert(*stream);
  return cudaSuccess;
}

cudaError_t createEvent(cudaEvent_t* event, unsigned int flags) {
  if (event == nullptr || (flags & ~(cudaEventBlockingSync | cudaEventDisableTiming)) != 0)
    return cudaErrorInvalidValue;
  *event = new CUevent_st;
  (*event)->device = currentDevice();
  (*event)->timing = (flags & cudaEventDisableTiming) == 0;
  state().events.insert(*event);
  return cudaSuccess;
}

// Waits for and queries of a stream.
cudaError_t checkIdle(cudaStream_t handle) {
  CUstream_st* stream = find(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (isCapturing(*stream)) return invalidate(*stream->capture, cudaErrorStreamCaptureUnsupported);
  return deviceOf(stream->device).lost;
}

cudaError_t checkDone(cudaEvent_t handle) {
  const cudaError_t unsafe = checkUnsafe();
  if (unsafe != cudaSuccess) return unsafe;
  CUevent_st* event = findEvent(handle);
  if (event == nullptr) return cudaErrorInvalidResourceHandle;
  return event->capture.expired() ? deviceOf(event->device).lost : cudaErrorCapturedEvent;
}

cudaError_t waitInCapture(CUstream_st& stream, const CUevent_st& event) {
  const std::shared_ptr<Capture> capture = event.capture.lock();
  if (capture == nullptr) {
    // What comes before the event is no part of the capture.
    return isCapturing(stream) && event.recorded
               ? invalidate(*stream.capture, cudaErrorStreamCaptureIsolation)
               : cudaSuccess;
  }
  if (isCapturing(stream) && stream.capture != capture) {
    invalidate(*stream.capture, cudaErrorStreamCaptureMerge);
    return invalidate(*capture, cudaErrorStreamCaptureMerge);
  }
  if (event.stream != &stream && event.stream->captured == event.captured) event.stream->joined = true;
  if (isCapturing(stream)) return cudaSuccess;
  if (&stream == &deviceOf(stream.device).legacy) return invalidate(*capture, cudaErrorStreamCaptureImplicit);
  stream.capture = capture;
  stream.joined = false;
  capture->streams.push_back(&stream);
  return cudaSuccess;
}

}  // namespace
}  // namespace cuda_on_cpu

using namespace cuda_on_cpu;

// ---- Streams ---------------------------------------------------------------------------------------------------

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return call("cudaStreamCreate", [&] { return createStream(stream, cudaStreamDefault); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int flags) {
  return call("cudaStreamCreateWithFlags", [&] { return createStream(stream, flags); });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call("cudaStreamDestroy", [&] {
    if (state().streams.count(stream) == 0) return cudaErrorInvalidResourceHandle;
    if (isCapturing(*stream)) return invalidate(*stream->capture, cudaErrorStreamCaptureUnsupported);
    state().streams.erase(stream);
    delete stream;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call("cudaStreamSynchronize", [&] { return checkIdle(stream); });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return call("cudaStreamQuery", [&] { return checkIdle(stream); });
}

cudaError_t cudaStreamGetDevice(cudaStream_t handle, int* device) {
  return call("cudaStreamGetDevice", [&] {
    if (settings().driver < 12080) return cudaErrorCallRequiresNewerDriver;
    const CUstream_st* stream = find(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (isCapturing(*stream)) return invalidate(*stream->capture, cudaErrorStreamCaptureUnsupported);
    *device = stream->device;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t waitedFor, unsigned int) {
  return call("cudaStreamWaitEvent", [&] {
    CUstream_st* stream = find(handle);
    const CUevent_st* event = findEvent(waitedFor);
    if (stream == nullptr || event == nullptr) return cudaErrorInvalidResourceHandle;
    return waitInCapture(*stream, *event);
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* userData) {
  return call("cudaLaunchHostFunc", [&] {
    CUstream_st* stream = find(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (function == nullptr) return cudaErrorInvalidValue;
    return submit(*stream, [=] {
      callHost(function, userData);
      return cudaSuccess;
    });
  });
}

// ---- Events ----------------------------------------------------------------------------------------------------

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return call("cudaEventCreate", [&] { return createEvent(event, cudaEventDefault); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  return call("cudaEventCreateWithFlags", [&] { return createEvent(event, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call("cudaEventDestroy", [&] {
    if (state().events.erase(event) == 0) return cudaErrorInvalidResourceHandle;
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t streamHandle) {
  return call("cudaEventRecord", [&] {
    CUevent_st* event = findEvent(handle);
    CUstream_st* stream = find(streamHandle);
    if (event == nullptr || stream == nullptr || event->device != stream->device)
      return cudaErrorInvalidResourceHandle;
    if (isCapturing(*stream) && stream->capture->invalid) return cudaErrorStreamCaptureInvalidated;
    event->recorded = true;
    event->capture = stream->capture;
    event->stream = stream;
    event->captured = stream->captured;
    event->time = CUevent_st::Clock::now();
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call("cudaEventQuery", [&] { return checkDone(event); });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call("cudaEventSynchronize", [&] { return checkDone(event); });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return call("cudaEventElapsedTime", [&] {
    const CUevent_st *from = findEvent(start), *to = findEvent(end);
    if (milliseconds == nullptr) return cudaErrorInvalidValue;
    if (from == nullptr || to == nullptr || !from->timing || !to->timing || !from->recorded ||
        !to->recorded || from->device != to->device) {
      return cudaErrorInvalidResourceHandle;
    }
    if (!from->capture.expired() || !to->capture.expired()) return cudaErrorCapturedEvent;
    *milliseconds = std::chrono::duration<float, std::milli>(to->time - from->time).count();
    return cudaSuccess;
  });
}
