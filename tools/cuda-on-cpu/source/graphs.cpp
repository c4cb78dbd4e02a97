// Capture, and graphs: lists of work, in the order in which it was recorded.
#include <algorithm>

#include "runtime.hpp"

namespace cuda_on_cpu {
namespace {

thread_local cudaStreamCaptureMode interaction = cudaStreamCaptureModeGlobal;

}  // namespace

cudaError_t invalidate(Capture& capture, cudaError_t error) {
  capture.invalid = true;
  return error;
}

cudaError_t checkUnsafe() {
  if (interaction == cudaStreamCaptureModeRelaxed) return cudaSuccess;
  for (const std::shared_ptr<Capture>& capture : state().captures) {
    const bool own =
        capture->thread == std::this_thread::get_id() && capture->mode != cudaStreamCaptureModeRelaxed;
    const bool others =
        capture->mode == cudaStreamCaptureModeGlobal && interaction == cudaStreamCaptureModeGlobal;
    if (own || others) return invalidate(*capture, cudaErrorStreamCaptureUnsupported);
  }
  return cudaSuccess;
}

namespace {

cudaError_t endCapture(CUstream_st& stream, cudaGraph_t* graph) {
  if (!isCapturing(stream)) return cudaErrorIllegalState;
  const std::shared_ptr<Capture> capture = stream.capture;
  if (capture->origin != &stream) return invalidate(*capture, cudaErrorStreamCaptureUnmatched);
  if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id()) {
    return cudaErrorStreamCaptureWrongThread;
  }
  const bool joined = std::all_of(capture->streams.begin(), capture->streams.end(),
                                  [](const CUstream_st* each) { return each->joined; });
  for (CUstream_st* each : capture->streams) {
    each->capture = nullptr;
    each->captured = 0;
    each->joined = true;
  }
  std::vector<std::shared_ptr<Capture>>& captures = state().captures;
  captures.erase(std::find(captures.begin(), captures.end(), capture));
  if (capture->invalid) return cudaErrorStreamCaptureInvalidated;
  if (!joined) return cudaErrorStreamCaptureUnjoined;
  *graph = new CUgraph_st{std::move(capture->works)};
  state().graphs.insert(*graph);
  return cudaSuccess;
}

}  // namespace
}  // namespace cuda_on_cpu

using namespace cuda_on_cpu;

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return call("cudaStreamBeginCapture", [&] {
    CUstream_st* stream = find(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (mode < cudaStreamCaptureModeGlobal || mode > cudaStreamCaptureModeRelaxed)
      return cudaErrorInvalidValue;
    if (stream == &deviceOf(stream->device).legacy) return cudaErrorStreamCaptureUnsupported;
    if (isCapturing(*stream)) return cudaErrorIllegalState;
    stream->capture = std::make_shared<Capture>();
    stream->capture->origin = stream;
    stream->capture->mode = mode;
    stream->capture->thread = std::this_thread::get_id();
    stream->capture->streams.push_back(stream);
    state().captures.push_back(stream->capture);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  return call("cudaStreamEndCapture", [&] {
    CUstream_st* stream = find(handle);
    if (graph == nullptr) return cudaErrorInvalidValue;
    *graph = nullptr;
    return stream == nullptr ? cudaErrorInvalidResourceHandle : endCapture(*stream, graph);
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return call("cudaStreamIsCapturing", [&] {
    const CUstream_st* stream = find(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (!isCapturing(*stream)) {
      *status = cudaStreamCaptureStatusNone;
    } else {
      *status = stream->capture->invalid ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
    }
    return cudaSuccess;
  });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  return call("cudaThreadExchangeStreamCaptureMode", [&] {
    if (mode == nullptr || *mode < cudaStreamCaptureModeGlobal || *mode > cudaStreamCaptureModeRelaxed) {
      return cudaErrorInvalidValue;
    }
    std::swap(interaction, *mode);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return call("cudaGraphInstantiate", [&] {
    if (executable == nullptr || state().graphs.count(graph) == 0) return cudaErrorInvalidValue;
    *executable = new CUgraphExec_st{std::make_shared<const std::vector<Work>>(graph->works)};
    state().executables.insert(*executable);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t handle) {
  return call("cudaGraphUpload", [&] {
    const bool known = state().executables.count(executable) != 0 && find(handle) != nullptr;
    return known ? cudaSuccess : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
  return call("cudaGraphLaunch", [&] {
    CUstream_st* stream = find(handle);
    if (stream == nullptr || state().executables.count(executable) == 0)
      return cudaErrorInvalidResourceHandle;
    return submit(*stream, [works = executable->works] {
      for (const Work& work : *works) {
        const cudaError_t error = work();
        if (error != cudaSuccess) return error;
      }
      return cudaSuccess;
    });
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call("cudaGraphExecDestroy", [&] {
    if (state().executables.erase(executable) == 0) return cudaErrorInvalidResourceHandle;
    delete executable;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call("cudaGraphDestroy", [&] {
    if (state().graphs.erase(graph) == 0) return cudaErrorInvalidResourceHandle;
    delete graph;
    return cudaSuccess;
  });
}
