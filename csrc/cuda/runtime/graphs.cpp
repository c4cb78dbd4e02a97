// Capture and graphs of jumpout_cuda.h. A graph handle is a cudaGraphExec_t, made when a capture ends.
#include "core/failure.hpp"
#include "cuda/runtime/deferred_frees.hpp"
#include "cuda/runtime/streams.hpp"
#include "jumpout_cuda.h"

using namespace jumpout;
using namespace jumpout::cuda;

jumpout_status jumpout_cuda_capture_begin(int32_t device, void* stream) {
  const StreamScope scope(device, stream);
  if (scope.status()) return scope.status();
  if (const jumpout_status status = refuseCapture(scope.stream())) return status;
  // Relaxed: what other threads and streams do meanwhile is no part of the capture and need not break it.
  return statusOf(cudaStreamBeginCapture(scope.stream(), cudaStreamCaptureModeRelaxed));
}

jumpout_status jumpout_cuda_capture_end(int32_t device, void* stream, void** graph) {
  if (!graph) return failing(JUMPOUT_NULL_POINTER, "graph");
  *graph = nullptr;
  const StreamScope scope(device, stream);
  if (scope.status()) return scope.status();
  cudaGraph_t recorded = nullptr;
  cudaError_t error = cudaStreamEndCapture(scope.stream(), &recorded);
  cudaGraphExec_t executable = nullptr;
  if (error == cudaSuccess) error = cudaGraphInstantiate(&executable, recorded, 0);
  const jumpout_status status = statusOf(error);
  if (status == JUMPOUT_OK) *graph = executable;
  if (recorded) failedQuietly(cudaGraphDestroy(recorded));
  runDeferredFrees();
  return status;
}

jumpout_status jumpout_cuda_graph_launch(int32_t device, void* graph, void* stream) {
  if (!graph) return failing(JUMPOUT_NULL_POINTER, "graph");
  const StreamScope scope(device, stream);
  if (scope.status()) return scope.status();
  return statusOf(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), scope.stream()));
}

jumpout_status jumpout_cuda_graph_destroy(int32_t device, void* graph) {
  if (!graph) return JUMPOUT_OK;
  const DeviceScope scope(device);
  return scope.status() ? scope.status()
                        : statusOf(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)));
}
