// Streams, events, capture and graphs.
#include <thread>

#include "checks.hpp"

namespace {

using namespace checks;

struct Stream {
  cudaStream_t handle = nullptr;
  explicit Stream(unsigned flags = cudaStreamNonBlocking) {
    GIVES(cudaStreamCreateWithFlags(&handle, flags), cudaSuccess);
  }
  ~Stream() { cudaStreamDestroy(handle); }
};

struct Event {
  cudaEvent_t handle = nullptr;
  explicit Event(unsigned flags = cudaEventDefault) {
    GIVES(cudaEventCreateWithFlags(&handle, flags), cudaSuccess);
  }
  ~Event() { cudaEventDestroy(handle); }
};

cudaStreamCaptureStatus statusOf(cudaStream_t stream) {
  cudaStreamCaptureStatus status;
  GIVES(cudaStreamIsCapturing(stream, &status), cudaSuccess);
  return status;
}

void increment(void* number) { ++*static_cast<int*>(number); }

// ---- Streams and events ----------------------------------------------------------------------------------------

void streams() {
  int device = -1;
  const Numbers numbers;
  GIVES(cudaSetDevice(1), cudaSuccess);
  cudaStream_t stream;
  GIVES(cudaStreamCreate(&stream), cudaSuccess);
  GIVES(cudaStreamGetDevice(nullptr, &device), cudaSuccess);
  CHECK(device == 1);
  GIVES(cudaSetDevice(0), cudaSuccess);
  GIVES(cudaStreamGetDevice(stream, &device), cudaSuccess);
  CHECK(device == 1);
  GIVES(launch(addOne, numbers.data, stream), cudaErrorInvalidResourceHandle);
  GIVES(cudaMemcpyAsync(numbers.data, numbers.data + 8, 4, cudaMemcpyDefault, stream), cudaSuccess);
  GIVES(cudaStreamQuery(stream), cudaSuccess);
  GIVES(cudaStreamDestroy(stream), cudaSuccess);
  GIVES(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  GIVES(cudaStreamDestroy(stream), cudaErrorInvalidResourceHandle);
  GIVES(cudaStreamDestroy(nullptr), cudaErrorInvalidResourceHandle);
  GIVES(launch(addOne, numbers.data, cudaStreamLegacy), cudaSuccess);
  CHECK(numbers.at(1) == 1);
}

void hostFunctions() {
  int calls = 0;
  GIVES(cudaLaunchHostFunc(nullptr, increment, &calls), cudaSuccess);
  CHECK(calls == 1);
  cudaError_t inside = cudaSuccess;
  const auto callsCuda = [](void* error) { *static_cast<cudaError_t*>(error) = cudaDeviceSynchronize(); };
  GIVES(cudaLaunchHostFunc(nullptr, callsCuda, &inside), cudaSuccess);
  CHECK(inside == cudaErrorNotPermitted);
}

void events() {
  float time = -1;
  const Event first, second, untimed(cudaEventDisableTiming);
  GIVES(cudaEventQuery(first.handle), cudaSuccess);
  GIVES(cudaEventElapsedTime(&time, first.handle, second.handle), cudaErrorInvalidResourceHandle);
  for (cudaEvent_t each : {first.handle, second.handle, untimed.handle})
    GIVES(cudaEventRecord(each), cudaSuccess);
  GIVES(cudaEventSynchronize(second.handle), cudaSuccess);
  GIVES(cudaEventElapsedTime(&time, first.handle, second.handle), cudaSuccess);
  CHECK(time >= 0 && time < 10000);
  GIVES(cudaEventElapsedTime(&time, first.handle, untimed.handle), cudaErrorInvalidResourceHandle);
  GIVES(cudaSetDevice(1), cudaSuccess);
  const Stream elsewhere;
  GIVES(cudaEventRecord(first.handle, elsewhere.handle), cudaErrorInvalidResourceHandle);
  GIVES(cudaStreamWaitEvent(elsewhere.handle, first.handle), cudaSuccess);
}

// ---- Graphs ----------------------------------------------------------------------------------------------------

void captureAndReplay() {
  const Numbers numbers, copy;
  const Stream stream;
  int calls = 0;
  GIVES(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal), cudaSuccess);
  CHECK(statusOf(stream.handle) == cudaStreamCaptureStatusActive);
  GIVES(launch(addOne, numbers.data, stream.handle), cudaSuccess);
  GIVES(cudaMemcpyAsync(copy.data, numbers.data, 64, cudaMemcpyDeviceToDevice, stream.handle), cudaSuccess);
  GIVES(cudaMemsetAsync(copy.data, 0xFF, 4, stream.handle), cudaSuccess);
  GIVES(cudaLaunchHostFunc(stream.handle, increment, &calls), cudaSuccess);
  cudaGraph_t graph;
  GIVES(cudaStreamEndCapture(stream.handle, &graph), cudaSuccess);
  CHECK(statusOf(stream.handle) == cudaStreamCaptureStatusNone);
  CHECK(numbers.at(0) == 0 && copy.at(0) == 0 && calls == 0);

  cudaGraphExec_t executable;
  GIVES(cudaGraphInstantiate(&executable, graph), cudaSuccess);
  GIVES(cudaGraphDestroy(graph), cudaSuccess);
  GIVES(cudaGraphUpload(executable, stream.handle), cudaSuccess);
  for (int i = 0; i < 3; ++i) GIVES(cudaGraphLaunch(executable, stream.handle), cudaSuccess);
  CHECK(numbers.at(31) == 3 && copy.at(0) == -1 && copy.at(15) == 3 && copy.at(16) == 0 && calls == 3);

  // A graph within a graph.
  GIVES(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeRelaxed), cudaSuccess);
  GIVES(cudaGraphLaunch(executable, stream.handle), cudaSuccess);
  GIVES(cudaStreamEndCapture(stream.handle, &graph), cudaSuccess);
  GIVES(cudaGraphExecDestroy(executable), cudaSuccess);
  GIVES(cudaGraphLaunch(executable, stream.handle), cudaErrorInvalidResourceHandle);
  GIVES(cudaGraphInstantiate(&executable, graph), cudaSuccess);
  GIVES(cudaGraphLaunch(executable, nullptr), cudaSuccess);
  CHECK(numbers.at(31) == 4);
  GIVES(cudaGraphExecDestroy(executable), cudaSuccess);
  GIVES(cudaGraphDestroy(graph), cudaSuccess);
  GIVES(cudaGraphDestroy(graph), cudaErrorInvalidResourceHandle);
}

void replayAfterFree() {
  const Stream stream;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  {
    const Numbers numbers;
    GIVES(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal), cudaSuccess);
    GIVES(cudaMemsetAsync(numbers.data, 0, 4, stream.handle), cudaSuccess);
    GIVES(cudaStreamEndCapture(stream.handle, &graph), cudaSuccess);
  }
  GIVES(cudaGraphInstantiate(&executable, graph), cudaSuccess);
  GIVES(cudaGraphLaunch(executable, stream.handle), cudaErrorIllegalAddress);
  GIVES(cudaStreamSynchronize(stream.handle), cudaErrorIllegalAddress);
  GIVES(cudaSetDevice(1), cudaSuccess);
  GIVES(cudaGraphExecDestroy(executable), cudaSuccess);
  GIVES(cudaGraphDestroy(graph), cudaSuccess);
}

// Begins a capture, does something, and tells how the capture ends.
template <class Body>
cudaError_t capturing(cudaStream_t stream, cudaStreamCaptureMode mode, Body body) {
  GIVES(cudaStreamBeginCapture(stream, mode), cudaSuccess);
  body();
  cudaGraph_t graph;
  const cudaError_t end = cudaStreamEndCapture(stream, &graph);
  CHECK((end == cudaSuccess) == (graph != nullptr));
  CHECK(statusOf(stream) == cudaStreamCaptureStatusNone);
  if (graph != nullptr) cudaGraphDestroy(graph);
  return end;
}

void captureForbids() {
  const Numbers numbers;
  const Stream stream, idle;
  const Event event;
  const auto global = cudaStreamCaptureModeGlobal, own = cudaStreamCaptureModeThreadLocal,
             relaxed = cudaStreamCaptureModeRelaxed;
  void* memory;
  cudaGraph_t graph;

  const auto allocating = [&] {
    GIVES(cudaMalloc(&memory, 10), cudaErrorStreamCaptureUnsupported);
    CHECK(statusOf(stream.handle) == cudaStreamCaptureStatusInvalidated);
    GIVES(launch(addOne, numbers.data, stream.handle), cudaErrorStreamCaptureInvalidated);
  };
  GIVES(capturing(stream.handle, global, allocating), cudaErrorStreamCaptureInvalidated);
  GIVES(capturing(stream.handle, own, allocating), cudaErrorStreamCaptureInvalidated);

  const auto allocatingFreely = [&] {
    GIVES(cudaMalloc(&memory, 10), cudaSuccess);
    GIVES(cudaFree(memory), cudaSuccess);
  };
  GIVES(capturing(stream.handle, relaxed, allocatingFreely), cudaSuccess);
  cudaStreamCaptureMode mode = relaxed;
  GIVES(cudaThreadExchangeStreamCaptureMode(&mode), cudaSuccess);
  CHECK(mode == global);
  GIVES(capturing(stream.handle, global, allocatingFreely), cudaSuccess);
  GIVES(cudaThreadExchangeStreamCaptureMode(&mode), cudaSuccess);
  CHECK(mode == relaxed);

  const auto otherThread = [&](cudaError_t expected) {
    std::thread([&] {
      GIVES(cudaMalloc(&memory, 10), expected);
      if (expected == cudaSuccess) GIVES(cudaFree(memory), expected);
    }).join();
  };
  GIVES(capturing(stream.handle, own, [&] { otherThread(cudaSuccess); }), cudaSuccess);
  GIVES(capturing(stream.handle, global, [&] { otherThread(cudaErrorStreamCaptureUnsupported); }),
        cudaErrorStreamCaptureInvalidated);

  const auto waiting = [&] {
    GIVES(cudaStreamSynchronize(stream.handle), cudaErrorStreamCaptureUnsupported);
  };
  GIVES(capturing(stream.handle, relaxed, waiting), cudaErrorStreamCaptureInvalidated);
  const auto askingForDevice = [&] {
    int device;
    GIVES(cudaStreamGetDevice(stream.handle, &device), cudaErrorStreamCaptureUnsupported);
  };
  GIVES(capturing(stream.handle, relaxed, askingForDevice), cudaErrorStreamCaptureInvalidated);
  const auto askingEvent = [&] {
    GIVES(cudaEventRecord(event.handle, stream.handle), cudaSuccess);
    GIVES(cudaEventQuery(event.handle), cudaErrorCapturedEvent);
  };
  GIVES(capturing(stream.handle, relaxed, askingEvent), cudaSuccess);
  const auto endingElsewhere = [&] {
    std::thread([&] {
      GIVES(cudaStreamEndCapture(stream.handle, &graph), cudaErrorStreamCaptureWrongThread);
    }).join();
  };
  GIVES(capturing(stream.handle, own, endingElsewhere), cudaSuccess);

  GIVES(cudaStreamEndCapture(idle.handle, &graph), cudaErrorIllegalState);
  GIVES(cudaStreamBeginCapture(nullptr, relaxed), cudaErrorStreamCaptureUnsupported);
  const auto again = [&] { GIVES(cudaStreamBeginCapture(stream.handle, relaxed), cudaErrorIllegalState); };
  GIVES(capturing(stream.handle, relaxed, again), cudaSuccess);
}

void legacyStreamInCapture() {
  const Numbers numbers;
  const Stream blocking(cudaStreamDefault), free;
  const auto relaxed = cudaStreamCaptureModeRelaxed;
  const auto usingLegacy = [&](cudaError_t expected) { GIVES(launch(addOne, numbers.data), expected); };
  GIVES(capturing(blocking.handle, relaxed, [&] { usingLegacy(cudaErrorStreamCaptureImplicit); }),
        cudaErrorStreamCaptureInvalidated);
  GIVES(capturing(free.handle, relaxed, [&] { usingLegacy(cudaSuccess); }), cudaSuccess);
  CHECK(numbers.at(0) == 1);
}

void captureForks() {
  const Numbers numbers;
  const Stream stream, side;
  const Event fork, join, before;
  const auto global = cudaStreamCaptureModeGlobal;
  const auto forking = [&] {
    GIVES(cudaEventRecord(fork.handle, stream.handle), cudaSuccess);
    GIVES(cudaStreamWaitEvent(side.handle, fork.handle), cudaSuccess);
    CHECK(statusOf(side.handle) == cudaStreamCaptureStatusActive);
    GIVES(launch(addOne, numbers.data, side.handle), cudaSuccess);
  };
  const auto joining = [&] {
    GIVES(cudaEventRecord(join.handle, side.handle), cudaSuccess);
    GIVES(cudaStreamWaitEvent(stream.handle, join.handle), cudaSuccess);
  };
  GIVES(capturing(stream.handle, global, forking), cudaErrorStreamCaptureUnjoined);
  CHECK(statusOf(side.handle) == cudaStreamCaptureStatusNone);
  GIVES(capturing(stream.handle, global, [&] { forking(), joining(); }), cudaSuccess);
  const auto workAfterJoin = [&] {
    forking(), joining();
    GIVES(launch(addOne, numbers.data, side.handle), cudaSuccess);
  };
  GIVES(capturing(stream.handle, global, workAfterJoin), cudaErrorStreamCaptureUnjoined);
  const auto endingInFork = [&] {
    cudaGraph_t graph;
    forking(), joining();
    GIVES(cudaStreamEndCapture(side.handle, &graph), cudaErrorStreamCaptureUnmatched);
  };
  GIVES(capturing(stream.handle, global, endingInFork), cudaErrorStreamCaptureInvalidated);
  GIVES(cudaEventRecord(before.handle, side.handle), cudaSuccess);
  const auto waitingForOutside = [&] {
    GIVES(cudaStreamWaitEvent(stream.handle, before.handle), cudaErrorStreamCaptureIsolation);
  };
  GIVES(capturing(stream.handle, global, waitingForOutside), cudaErrorStreamCaptureInvalidated);
  CHECK(numbers.at(0) == 0);
}

const cases::Case all[] = {
    {"streams", "control", "", checked<streams>},
    {"hostFunctions", "control", "", checked<hostFunctions>},
    {"events", "control", "", checked<events>},
    {"captureAndReplay", "control", "", checked<captureAndReplay>},
    {"replayAfterFree", "control", "", checked<replayAfterFree>},
    {"captureForbids", "control", "", checked<captureForbids>},
    {"legacyStreamInCapture", "control", "", checked<legacyStreamInCapture>},
    {"captureForks", "control", "", checked<captureForks>},
};

}  // namespace

int main(int argc, char** argv) { return cases::run(all, argc, argv); }
