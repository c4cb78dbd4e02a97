// Streams, events and graphs, and memory that is freed in their order.
#include <atomic>
#include <thread>

#include "device_runtime.hpp"

namespace device_runtime {
namespace {

// A capture in a framework's mode, in which CUDA forbids calls that may wait in every thread.
struct ForeignCapture {
  explicit ForeignCapture(unsigned flags) {
    cuda(cudaStreamCreateWithFlags(&stream, flags), "a foreign stream");
    cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "its capture");
  }
  void end() {
    cudaGraph_t graph = nullptr;
    cuda(cudaStreamEndCapture(stream, &graph), "a capture that was not disturbed");
    if (graph) cuda(cudaGraphDestroy(graph), "the end of its graph");
  }
  ~ForeignCapture() { cuda(cudaStreamDestroy(stream), "its end"); }
  cudaStream_t stream = nullptr;
};

void captureBegin(const Stream& stream) {
  ok(jumpout_cuda_capture_begin(stream.device, stream.handle), "the begin of a capture");
}

void* captureEnd(const Stream& stream) {
  void* graph = nullptr;
  ok(jumpout_cuda_capture_end(stream.device, stream.handle, &graph), "the end of a capture");
  check::that(graph != nullptr, "a graph");
  return graph;
}

void endWithoutUse(const Stream& stream) {
  ok(jumpout_cuda_graph_destroy(stream.device, captureEnd(stream)), "the end of a graph");
}

bool isCapturing(const Stream& stream) {
  int32_t capturing = -1;
  ok(jumpout_cuda_stream_capturing(stream.device, stream.handle, &capturing), "whether a stream is captured");
  check::that(capturing == 0 || capturing == 1, "yes or no");
  return capturing == 1;
}

void freeDuringCapture(int32_t device) {
  const Stream captured(device), idle(device);
  void *one = allocated(device, 64), *two = allocated(device, 64), *three = allocated(device, 64);
  captureBegin(captured);
  void* four = allocated(device, 64, captured.handle, false);
  freed(device, one, {captured.handle});
  freed(device, two, {idle.handle, captured.handle, nullptr});
  freed(device, three, {idle.handle});
  freed(device, four, {captured.handle, captured.handle});
  check::that(isKept(one) && isKept(two) && isKept(four), "what the capture may use is kept");
  check::that(isFreed(three), "the rest is not");
  freed(device, allocated(device, 64));
  check::that(isKept(one) && isKept(two) && isKept(four), "also by later calls");
  check::that(isCapturing(captured), "the capture goes on");
  endWithoutUse(captured);
  check::that(isFreed(one) && isFreed(two) && isFreed(four), "freed at the end of the capture");
}

// The next call notices the end of another owner's capture.
void freeDuringForeignCapture(int32_t device) {
  cuda(cudaSetDevice(device), "a device");
  for (const unsigned flags : {unsigned{cudaStreamNonBlocking}, unsigned{cudaStreamDefault}}) {
    void *one = allocated(device, 64), *two = allocated(device, 64);
    {
      ForeignCapture foreign(flags);
      freed(device, one, {foreign.stream});
      check::that(isKept(one), "kept during a foreign capture");
      foreign.end();
      freed(device, two, {foreign.stream});
      check::that(isFreed(one) && isFreed(two), "freed by the next call");
    }
  }
  cuda(cudaSetDevice(0), "the first device");
}

// The owner destroys a stream that a release would wait for, which is undefined in CUDA.
void freeAfterTheStream(int32_t device) {
  if (!kEmulated) return;
  cuda(cudaSetDevice(device), "a device");
  void *one = allocated(device, 64), *two = allocated(device, 64), *three = allocated(device, 64);
  cudaStream_t gone = nullptr;
  {
    ForeignCapture foreign(cudaStreamNonBlocking);
    gone = foreign.stream;
    freed(device, one, {gone});
    check::that(isKept(one), "kept during a capture");
    foreign.end();
  }
  const Stream idle(device);
  freed(device, two, {gone});
  freed(device, three, {idle.handle, gone});
  check::that(isFreed(one) && isFreed(two) && isFreed(three), "a stream that is gone keeps nothing");
  check::that(cudaPeekAtLastError() == cudaSuccess, "and the error is dropped");
  cuda(cudaSetDevice(0), "the first device");
}

void destroyDuringCapture(int32_t device) {
  void* memory = allocated(device, 64);
  {
    const Stream captured(device);
    captureBegin(captured);
    freed(device, memory, {captured.handle});
    check::that(isKept(memory), "kept during a capture");
  }
  check::that(isFreed(memory), "freed with the captured stream");
}

// Calls that are allowed while any stream is being captured.
void nothingDisturbsACapture(int32_t device) {
  ForeignCapture foreign(cudaStreamNonBlocking);
  {
    const Stream stream(device);
    uint64_t numbers[2] = {1, 2};
    void* memory = allocated(device, 16);
    void *pinned = nullptr, *event = nullptr;
    ok(jumpout_cuda_allocate_pinned(16, &pinned), "pinned memory during a capture");
    ok(jumpout_cuda_copy(device, memory, numbers, 16, stream.handle), "a copy on another stream");
    ok(jumpout_cuda_store(device, static_cast<uint64_t*>(memory), numbers, 2, stream.handle),
       "a store there");
    ok(jumpout_cuda_stream_synchronize(device, stream.handle), "waiting for another stream");
    ok(jumpout_cuda_event_create(device, &event), "an event");
    ok(jumpout_cuda_event_record(device, event, stream.handle), "its record");
    float elapsed = -1;
    ok(jumpout_cuda_event_elapsed(event, event, &elapsed), "waiting for an event");
    check::that(elapsed == 0.0f, "no time from now to now");
    ok(jumpout_cuda_event_destroy(device, event), "its end");
    void* inside = allocated(device, 16, foreign.stream, false);
    check::that(kindOf(inside).kind == JUMPOUT_MEMORY_DEVICE, "memory while its own stream is captured");
    freed(device, inside);
    freed(device, memory, {stream.handle});
    ok(jumpout_cuda_free_pinned(pinned), "the end of pinned memory");
  }
  foreign.end();
}

}  // namespace

void frees() {
  for (int32_t device = 0; device < jumpout_cuda_device_count() && device < 2; ++device) {
    freeDuringCapture(device);
    freeDuringForeignCapture(device);
    freeAfterTheStream(device);
    destroyDuringCapture(device);
  }
  nothingDisturbsACapture(0);
  const Stream a(0), b(0), c(0);
  void* memory = allocated(0, 64, a.handle, false);
  ok(jumpout_cuda_stream_wait(0, b.handle, a.handle), "b after a");
  ok(jumpout_cuda_fill(0, memory, 1, 64, b.handle), "work on b");
  freed(0, memory, {a.handle, b.handle, c.handle, nullptr});
  check::that(isFreed(memory), "freed after four streams");
}

void streams() {
  const int32_t last = jumpout_cuda_device_count() - 1;
  for (const int32_t device : {0, last}) {
    const Stream stream(device);
    int32_t found = -5;
    ok(jumpout_cuda_stream_device(stream.handle, &found), "a stream's device");
    check::that(found == device, "a stream knows its device");
    check::that(!isCapturing(stream), "it is not being captured");
    ok(jumpout_cuda_stream_synchronize(device, stream.handle), "it is idle");
    refused(jumpout_cuda_stream_capturing(device, stream.handle, nullptr), JUMPOUT_NULL_POINTER, "capturing",
            "asking");
  }
  int32_t current = -5;
  ok(jumpout_cuda_stream_device(nullptr, &current), "the default stream's device");
  check::that(current == 0, "the default stream is the current device's");
  refused(jumpout_cuda_stream_device(nullptr, nullptr), JUMPOUT_NULL_POINTER, "device", "nowhere to say it");
  refused(jumpout_cuda_stream_create(0, nullptr), JUMPOUT_NULL_POINTER, "stream", "nowhere to put a stream");
  refused(jumpout_cuda_stream_destroy(0, nullptr), JUMPOUT_NULL_POINTER, "stream",
          "the default stream stays");
  ok(jumpout_cuda_stream_synchronize(0, nullptr), "the default stream is idle");
  const Stream here(0), there(last);
  ok(jumpout_cuda_stream_wait(0, here.handle, there.handle), "waiting for another device");
  ok(jumpout_cuda_stream_wait(last, there.handle, nullptr), "waiting for the default stream");
  ok(jumpout_cuda_stream_wait(0, nullptr, there.handle), "the default stream waits for another device");
  ok(jumpout_cuda_stream_wait(0, here.handle, here.handle), "waiting for itself");
  if (last > 0)
    refused(jumpout_cuda_stream_destroy(last, here.handle), JUMPOUT_BAD_DEVICE, "stream",
            "a stream of another device");
  if (kEmulated) {
    void* gone = nullptr;
    {
      const Stream stream(0);
      gone = stream.handle;
    }
    int32_t device;
    failed(jumpout_cuda_stream_device(gone, &device), cudaErrorInvalidResourceHandle, "stream",
           "a destroyed stream");
    failed(jumpout_cuda_stream_synchronize(0, gone), cudaErrorInvalidResourceHandle, "stream",
           "waiting for it");
    failed(jumpout_cuda_stream_wait(0, here.handle, gone), cudaErrorInvalidResourceHandle, "other",
           "waiting on");
    failed(jumpout_cuda_stream_destroy(0, gone), cudaErrorInvalidResourceHandle, "stream",
           "destroying twice");
  }

  void *begin = nullptr, *end = nullptr;
  ok(jumpout_cuda_event_create(last, &begin), "an event");
  ok(jumpout_cuda_event_create(last, &end), "an event");
  float elapsed = -1.0f;
  failed(jumpout_cuda_event_elapsed(begin, end, &elapsed), cudaErrorInvalidResourceHandle, "",
         "unrecorded events");
  ok(jumpout_cuda_event_record(last, begin, there.handle), "the begin");
  ok(jumpout_cuda_event_record(last, end, there.handle), "the end");
  ok(jumpout_cuda_event_elapsed(begin, end, &elapsed), "the time between");
  check::that(elapsed >= 0.0f && elapsed < 60000.0f, "a time: " + std::to_string(elapsed));
  refused(jumpout_cuda_event_elapsed(nullptr, end, &elapsed), JUMPOUT_NULL_POINTER, "begin", "no begin");
  refused(jumpout_cuda_event_elapsed(begin, nullptr, &elapsed), JUMPOUT_NULL_POINTER, "end", "no end");
  refused(jumpout_cuda_event_elapsed(begin, end, nullptr), JUMPOUT_NULL_POINTER, "milliseconds",
          "nowhere to say it");
  refused(jumpout_cuda_event_record(last, nullptr, nullptr), JUMPOUT_NULL_POINTER, "event", "no event");
  if (last > 0)
    refused(jumpout_cuda_event_record(last, end, here.handle), JUMPOUT_BAD_DEVICE, "stream", "elsewhere");
  ok(jumpout_cuda_event_destroy(last, begin), "the end of an event");
  ok(jumpout_cuda_event_destroy(last, end), "the end of an event");
}

namespace {

void replays(int32_t device) {
  const Stream stream(device), side(device);
  auto* memory = static_cast<uint64_t*>(allocated(device, 32));
  void* pinned = nullptr;
  ok(jumpout_cuda_allocate_pinned(8, &pinned), "pinned memory");
  uint64_t *source = static_cast<uint64_t*>(pinned), values[1] = {7};
  ok(jumpout_cuda_fill(device, memory, 0, 32, stream.handle), "zeros");
  captureBegin(stream);
  check::that(isCapturing(stream) && !isCapturing(side), "one stream is captured");
  int32_t found = -5;
  ok(jumpout_cuda_stream_device(stream.handle, &found), "its device, which CUDA may not be asked for");
  check::that(found == device, "the right one");
  ok(jumpout_cuda_store(device, memory, values, 1, stream.handle), "a store");
  ok(jumpout_cuda_stream_wait(device, side.handle, stream.handle), "fork");
  check::that(isCapturing(side), "the side stream is captured too");
  ok(jumpout_cuda_copy(device, memory + 1, source, 8, side.handle), "a copy of pinned memory");
  ok(jumpout_cuda_stream_wait(device, stream.handle, side.handle), "join");
  ok(jumpout_cuda_fill(device, memory + 2, 0x22, 8, stream.handle), "a fill");
  refused(jumpout_cuda_copy(device, values, memory, 8, stream.handle), JUMPOUT_CAPTURING, "stream",
          "pageable, down");
  refused(jumpout_cuda_copy(device, memory, values, 8, stream.handle), JUMPOUT_CAPTURING, "stream",
          "pageable, up");
  refused(jumpout_cuda_stream_synchronize(device, stream.handle), JUMPOUT_CAPTURING, "stream", "waiting");
  refused(jumpout_cuda_capture_begin(device, stream.handle), JUMPOUT_CAPTURING, "stream",
          "a capture in a capture");
  void* graph = captureEnd(stream);
  check::that(!isCapturing(stream) && !isCapturing(side), "the capture is over");
  check::that(numbersOf(device, memory, 4, stream.handle) == std::vector<uint64_t>(4),
              "nothing was done yet");
  values[0] = 8;
  for (const uint64_t round : {30, 31}) {
    *source = round;
    ok(jumpout_cuda_fill(device, memory, 0, 32, stream.handle), "zeros");
    ok(jumpout_cuda_graph_launch(device, graph, stream.handle), "a replay");
    const std::vector<uint64_t> want = {7, round, 0x2222222222222222, 0};
    check::that(numbersOf(device, memory, 4, stream.handle) == want, "replay " + std::to_string(round));
  }
  ok(jumpout_cuda_graph_destroy(device, graph), "the end of a graph");
  freed(device, memory, {stream.handle, side.handle});
  ok(jumpout_cuda_free_pinned(pinned), "the end of pinned memory");
}

// Work that may not be captured invalidates the capture; the stream stays usable.
void spoiltCapture() {
  const Stream stream(0);
  void* memory = allocated(0, 8);
  captureBegin(stream);
  check::that(cudaStreamSynchronize(stream.cuda()) == cudaErrorStreamCaptureUnsupported,
              "a capture is spoilt");
  cudaGetLastError();
  check::that(isCapturing(stream), "it is still there");
  void* graph = memory;
  failed(jumpout_cuda_capture_end(0, stream.handle, &graph), cudaErrorStreamCaptureInvalidated, "",
         "a spoilt capture");
  check::that(graph == nullptr && !isCapturing(stream), "no graph, and no capture");
  ok(jumpout_cuda_fill(0, memory, 3, 8, stream.handle), "the stream goes on");
  check::that(numbersOf(0, memory, 1, stream.handle)[0] == 0x0303030303030303, "it did");
  freed(0, memory, {stream.handle});
}

}  // namespace

void graphs() {
  replays(0);
  replays(jumpout_cuda_device_count() - 1);
  spoiltCapture();
  const Stream stream(0);
  void* graph = &graph;
  failed(jumpout_cuda_capture_end(0, stream.handle, &graph), cudaErrorIllegalState, "",
         "an end without a begin");
  check::that(graph == nullptr, "no graph");
  failed(jumpout_cuda_capture_begin(0, nullptr), cudaErrorStreamCaptureUnsupported, "", "the default stream");
  refused(jumpout_cuda_capture_end(0, stream.handle, nullptr), JUMPOUT_NULL_POINTER, "graph",
          "nowhere to put it");
  refused(jumpout_cuda_graph_launch(0, nullptr, stream.handle), JUMPOUT_NULL_POINTER, "graph", "no graph");
  ok(jumpout_cuda_graph_destroy(0, nullptr), "the end of no graph");
  captureBegin(stream);
  endWithoutUse(stream);  // an empty one
}

// Threads of their own, streams of their own, and one list of what is to be freed later.
void threads() {
  constexpr int kThreads = 4, kRounds = 50;
  std::atomic<int> wrong{0};
  const auto work = [&](int number) {
    const int32_t device = number % jumpout_cuda_device_count();
    void *stream = nullptr, *memory = nullptr, *graph = nullptr;
    const auto want = [&](jumpout_status status) { wrong += status != JUMPOUT_OK; };
    want(jumpout_cuda_stream_create(device, &stream));
    for (int round = 0; round < kRounds; ++round) {
      const uint64_t value = static_cast<uint64_t>(number) * kRounds + static_cast<uint64_t>(round);
      want(jumpout_cuda_allocate(device, 512, stream, round % 2, &memory));
      want(jumpout_cuda_capture_begin(device, stream));
      want(jumpout_cuda_store(device, static_cast<uint64_t*>(memory), &value, 1, stream));
      void* kept = nullptr;
      want(jumpout_cuda_allocate(device, 64, stream, 0, &kept));
      want(jumpout_cuda_free(device, kept, &stream, 1));
      want(jumpout_cuda_capture_end(device, stream, &graph));
      want(jumpout_cuda_graph_launch(device, graph, stream));
      uint64_t found = 0;
      want(jumpout_cuda_copy(device, &found, memory, 8, stream));
      wrong += found != value;
      want(jumpout_cuda_graph_destroy(device, graph));
      void* used_by[] = {stream, nullptr};
      want(jumpout_cuda_free(device, memory, used_by, 1 + round % 2));
    }
    want(jumpout_cuda_stream_destroy(device, stream));
    // Errors of other threads do not appear here.
    wrong += jumpout_last_cuda_error().number != 0;
    want(jumpout_cuda_copy(device, nullptr, nullptr, 8, nullptr) == JUMPOUT_NULL_POINTER
             ? JUMPOUT_OK
             : JUMPOUT_CUDA_ERROR);
    wrong += std::string(jumpout_status_field()) != "to";
  };
  void* none = nullptr;
  refusedAsTooMuch(jumpout_cuda_allocate(0, kTooMuch, nullptr, 1, &none), "too much memory");
  const int32_t own = jumpout_last_cuda_error().number;
  std::vector<std::thread> running;
  for (int number = 0; number < kThreads; ++number) running.emplace_back(work, number);
  for (std::thread& thread : running) thread.join();
  check::that(wrong == 0, std::to_string(wrong) + " surprises in threads");
  check::that(jumpout_last_cuda_error().number == own, "this thread's last error is still its own");
  ok(jumpout_cuda_stream_synchronize(0, nullptr), "a later call");
}

}  // namespace device_runtime
