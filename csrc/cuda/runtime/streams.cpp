// Streams and events of jumpout_cuda.h.
#include "cuda/runtime/streams.hpp"

#include <optional>

#include "core/failure.hpp"
#include "cuda/cuda_support.hpp"
#include "cuda/runtime/deferred_frees.hpp"
#include "jumpout_cuda.h"

namespace jumpout::cuda {
namespace {

// NULL, cudaStreamLegacy and cudaStreamPerThread: of whatever device is the current one.
bool isImplicit(cudaStream_t stream) { return reinterpret_cast<uintptr_t>(stream) <= 2; }

// -1 where CUDA cannot say: a toolkit or a driver older than 12.8, or a capture, which the question would spoil.
cudaError_t askForDevice(cudaStream_t stream, int& device) {
  device = -1;
  bool capturing = false;
  const cudaError_t error = isCapturing(stream, capturing);
  if (error || capturing) return error;
#if CUDART_VERSION >= 12080
  const cudaError_t answer = cudaStreamGetDevice(stream, &device);
  if (answer != cudaErrorCallRequiresNewerDriver) return answer;
  failedQuietly(answer);
#endif
  return cudaSuccess;
}

// Where CUDA cannot say, an event finds out: it can be recorded on streams of its own device alone. `first` is tried first.
cudaError_t deviceOfStream(cudaStream_t stream, int first, int& device) {
  const cudaError_t asked = askForDevice(stream, device);
  if (asked || device != -1) return asked;
  const int devices = support().devices;
  for (int tried = 0; tried < devices; ++tried) {
    device = (first + tried) % devices;
    const DeviceScope scope(device);
    cudaEvent_t event = nullptr;
    if (scope.status() || failedQuietly(cudaEventCreateWithFlags(&event, cudaEventDisableTiming))) continue;
    const bool recorded = !failedQuietly(cudaEventRecord(event, stream));
    failedQuietly(cudaEventDestroy(event));
    if (recorded) return cudaSuccess;
  }
  return cudaErrorInvalidResourceHandle;
}

// All work enqueued on a stream of the current device so far, as an event.
struct Recorded {
  explicit Recorded(cudaStream_t stream) : error(cudaEventCreateWithFlags(&event, cudaEventDisableTiming)) {
    if (error == cudaSuccess) error = cudaEventRecord(event, stream);
  }
  Recorded(const Recorded&) = delete;
  ~Recorded() {
    if (event) failedQuietly(cudaEventDestroy(event));  // CUDA keeps it as long as a stream waits for it
  }

  cudaEvent_t event = nullptr;
  cudaError_t error;
};

}  // namespace

cudaError_t isCapturing(cudaStream_t stream, bool& capturing) noexcept {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  const cudaError_t error = cudaStreamIsCapturing(stream, &status);
  capturing = error == cudaErrorStreamCaptureImplicit || status != cudaStreamCaptureStatusNone;
  return failedQuietly(error) && error != cudaErrorStreamCaptureImplicit ? error : cudaSuccess;
}

jumpout_status refuseCapture(cudaStream_t stream) noexcept {
  bool capturing = false;
  if (const cudaError_t error = isCapturing(stream, capturing)) return statusOf(error);
  return capturing ? failing(JUMPOUT_CAPTURING, "stream") : JUMPOUT_OK;
}

cudaError_t enqueueWait(cudaStream_t stream, cudaStream_t other) noexcept {
  if (stream == other) return cudaSuccess;
  Recorded recorded(other);
  return recorded.error ? recorded.error : cudaStreamWaitEvent(stream, recorded.event, 0);
}

jumpout_status checkStream(cudaStream_t stream, int32_t device) noexcept {
  if (isImplicit(stream)) return JUMPOUT_OK;
  int own = -1;
  if (const cudaError_t error = askForDevice(stream, own)) return failing(statusOf(error), "stream");
  // Where CUDA cannot say, finding out would cost more than the call: CUDA itself refuses the stream.
  return own == device || own == -1 ? JUMPOUT_OK : failing(JUMPOUT_BAD_DEVICE, "stream");
}

jumpout_status checkPlace(int32_t device, void* stream) noexcept {
  int32_t number = -1;
  if (const jumpout_status status = deviceOf(device, number)) return status;
  return checkStream(static_cast<cudaStream_t>(stream), number);
}

}  // namespace jumpout::cuda

using namespace jumpout;
using namespace jumpout::cuda;

// ---- Streams ------------------------------------------------------------------------------------------------

jumpout_status jumpout_cuda_stream_create(int32_t device, void** stream) {
  return makeOn<cudaStream_t>(device, stream, "stream", [](cudaStream_t* made) {
    return cudaStreamCreateWithFlags(made, cudaStreamNonBlocking);
  });
}

jumpout_status jumpout_cuda_stream_destroy(int32_t device, void* stream) {
  const auto doomed = static_cast<cudaStream_t>(stream);
  if (isImplicit(doomed)) return failing(JUMPOUT_NULL_POINTER, "stream");
  const StreamScope scope(device, stream);
  if (scope.status()) return scope.status();
  bool capturing = false;
  if (!isCapturing(doomed, capturing) && capturing) {
    cudaGraph_t abandoned = nullptr;
    failedQuietly(cudaStreamEndCapture(doomed, &abandoned));
    if (abandoned) failedQuietly(cudaGraphDestroy(abandoned));
  }
  runDeferredFrees();  // while the stream can still be asked what to wait for
  return statusOf(cudaStreamDestroy(doomed));
}

jumpout_status jumpout_cuda_stream_device(void* stream, int32_t* device) {
  if (!device) return failing(JUMPOUT_NULL_POINTER, "device");
  if (const jumpout_status status = deviceOf(-1, *device)) return status;
  const auto asked = static_cast<cudaStream_t>(stream);
  if (isImplicit(asked)) return JUMPOUT_OK;
  int found = -1;
  const cudaError_t error = deviceOfStream(asked, *device, found);
  *device = error ? -1 : found;
  return error ? failing(statusOf(error), "stream") : JUMPOUT_OK;
}

jumpout_status jumpout_cuda_stream_synchronize(int32_t device, void* stream) {
  const StreamScope scope(device, stream);
  if (scope.status()) return scope.status();
  if (const jumpout_status status = refuseCapture(scope.stream())) return status;
  const jumpout_status status = statusOf(cudaStreamSynchronize(scope.stream()));
  runDeferredFrees();
  return status;
}

jumpout_status jumpout_cuda_stream_capturing(int32_t device, void* stream, int32_t* capturing) {
  if (!capturing) return failing(JUMPOUT_NULL_POINTER, "capturing");
  *capturing = 0;
  const DeviceScope scope(device);
  if (scope.status()) return scope.status();
  bool found = false;
  const cudaError_t error = isCapturing(static_cast<cudaStream_t>(stream), found);
  *capturing = found;
  return statusOf(error);
}

jumpout_status jumpout_cuda_stream_wait(int32_t device, void* stream, void* other) {
  const StreamScope scope(device, stream);
  if (scope.status()) return scope.status();
  const auto awaited = static_cast<cudaStream_t>(other);
  int of_other = scope.device();
  if (!isImplicit(awaited))
    if (const cudaError_t error = deviceOfStream(awaited, scope.device(), of_other))
      return failing(statusOf(error), "other");
  if (of_other == scope.device()) return statusOf(enqueueWait(scope.stream(), awaited));
  std::optional<DeviceScope> there(of_other);
  if (there->status()) return there->status();
  const Recorded recorded(awaited);
  there.reset();  // the default stream that waits is this device's
  return statusOf(recorded.error ? recorded.error : cudaStreamWaitEvent(scope.stream(), recorded.event, 0));
}

// ---- Events -------------------------------------------------------------------------------------------------

jumpout_status jumpout_cuda_event_create(int32_t device, void** event) {
  return makeOn<cudaEvent_t>(device, event, "event", [](cudaEvent_t* made) { return cudaEventCreate(made); });
}

jumpout_status jumpout_cuda_event_destroy(int32_t device, void* event) {
  if (!event) return failing(JUMPOUT_NULL_POINTER, "event");
  const DeviceScope scope(device);
  return scope.status() ? scope.status() : statusOf(cudaEventDestroy(static_cast<cudaEvent_t>(event)));
}

jumpout_status jumpout_cuda_event_record(int32_t device, void* event, void* stream) {
  if (!event) return failing(JUMPOUT_NULL_POINTER, "event");
  const StreamScope scope(device, stream);
  if (scope.status()) return scope.status();
  return statusOf(cudaEventRecord(static_cast<cudaEvent_t>(event), scope.stream()));
}

jumpout_status jumpout_cuda_event_elapsed(void* begin, void* end, float* milliseconds) {
  if (!begin) return failing(JUMPOUT_NULL_POINTER, "begin");
  if (!end) return failing(JUMPOUT_NULL_POINTER, "end");
  if (!milliseconds) return failing(JUMPOUT_NULL_POINTER, "milliseconds");
  *milliseconds = 0.0f;
  const DeviceScope scope(-1);
  if (scope.status()) return scope.status();
  const auto first = static_cast<cudaEvent_t>(begin), last = static_cast<cudaEvent_t>(end);
  if (const cudaError_t error = cudaEventSynchronize(last)) return statusOf(error);
  return statusOf(cudaEventElapsedTime(milliseconds, first, last));
}
