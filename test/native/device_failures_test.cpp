// Devices that fail, run full or are missing: each in a process of its own, since a lost device stays lost. Only the
// emulator fails on demand.
#include "device_runtime.hpp"

#if defined(JUMPOUT_CUDA_ON_CPU)
#include <atomic>
#include <thread>

#include "child.hpp"
#endif

namespace device_runtime {

#if !defined(JUMPOUT_CUDA_ON_CPU)

void failures(const char*) {}
int runScenario(const std::string&) { return 2; }

#else

namespace {

using check::runChild;

// ---- A device that is lost at some call ------------------------------------------------------------------------------

struct Tally {
  int fine = 0, lost = 0, refused = 0, strange = 0;
  void operator()(jumpout_status status) {
    if (status == JUMPOUT_OK) {
      ++fine;
    } else if (status == JUMPOUT_CUDA_ERROR) {
      const jumpout_cuda_error error = jumpout_last_cuda_error();
      ++(error.number == cudaErrorIllegalAddress && error.sticky  ? lost
         : error.number == cudaErrorInvalidValue && !error.sticky ? refused
                                                                  : strange);
    } else {
      std::printf("status %d for '%s'\n", status, jumpout_status_field());
      ++strange;
    }
  }
};

// The passes, in 4096 bytes of zeros.
void passes(Tally& tally, int32_t device, char* memory, void* stream) {
  constexpr size_t kLength = 100;
  auto* const records = reinterpret_cast<jumpout_record*>(memory + 128);
  auto* const active = reinterpret_cast<uint64_t*>(memory + 256);
  auto* const mask = reinterpret_cast<uint32_t*>(memory + 512);
  const auto fill = [&](auto args) {
    args.stream = stream, args.device = device, args.length = kLength;
    if constexpr (requires { args.layout; }) args.layout.unit_size = args.group_count = 1;
    return args;
  };
  auto forward = fill(jumpout_device_forward_args{});
  forward.input = memory + 1024, forward.output = memory + 2048, forward.mask = mask,
  forward.records = records;
  forward.workspace = memory, forward.options = jumpout_default_options();
  tally(jumpout_device_forward(&forward));
  forward.active = active, forward.options.exponent = 0.7;
  auto count = fill(jumpout_device_count_args{});
  count.input = memory + 1024, count.active = active;
  tally(jumpout_device_count_active(&count));
  tally(jumpout_device_forward(&forward));
  auto backward = fill(jumpout_device_backward_args{});
  backward.grad_output = memory + 1024, backward.grad_input = memory + 3072, backward.mask = mask;
  backward.records = records;
  tally(jumpout_device_backward(&backward));
  auto identity = fill(jumpout_device_identity_args{});
  identity.input = memory + 1024, identity.output = memory + 2048;
  tally(jumpout_device_identity(&identity));
}

// Each kind of call once, even if earlier calls failed.
Tally workout(int32_t device) {
  Tally tally;
  void *stream = nullptr, *other = nullptr, *memory = nullptr, *second = nullptr, *pinned = nullptr;
  void *event = nullptr, *graph = nullptr;
  uint64_t numbers[2] = {1, 2};
  int32_t answer = 0;
  float elapsed = 0;
  jumpout_memory kind;
  jumpout_cuda_device found;
  tally(jumpout_cuda_device_of(device, &found));
  tally(jumpout_cuda_stream_create(device, &stream));
  tally(jumpout_cuda_stream_create(device, &other));
  tally(jumpout_cuda_allocate(device, 64, nullptr, 1, &memory));
  tally(jumpout_cuda_allocate(device, 64, stream, 0, &second));
  tally(jumpout_cuda_allocate_pinned(64, &pinned));
  if (memory) {
    tally(jumpout_cuda_memory_of(memory, &kind));
    tally(jumpout_cuda_fill(device, memory, 1, 64, stream));
    tally(jumpout_cuda_store(device, static_cast<uint64_t*>(memory), numbers, 2, stream));
    tally(jumpout_cuda_copy(device, numbers, memory, 16, stream));
  }
  if (void* floats = nullptr; jumpout_cuda_allocate(device, 4096, nullptr, 1, &floats) == JUMPOUT_OK) {
    tally(jumpout_cuda_fill(device, floats, 0, 4096, stream));
    passes(tally, device, static_cast<char*>(floats), stream);
    tally(jumpout_cuda_free(device, floats, &stream, 1));
  }
  if (jumpout_cuda_event_create(device, &event) == JUMPOUT_OK) {
    tally(jumpout_cuda_event_record(device, event, stream));
    tally(jumpout_cuda_event_elapsed(event, event, &elapsed));
    tally(jumpout_cuda_event_destroy(device, event));
  }
  if (stream) {
    tally(jumpout_cuda_stream_device(stream, &answer));
    tally(jumpout_cuda_stream_wait(device, stream, other));
    tally(jumpout_cuda_stream_synchronize(device, stream));
    const jumpout_status begun = jumpout_cuda_capture_begin(device, stream);
    tally(begun);
    if (begun == JUMPOUT_OK) {
      if (second) tally(jumpout_cuda_free(device, second, &stream, 1));
      second = nullptr;
      tally(jumpout_cuda_capture_end(device, stream, &graph));
      check::that(jumpout_cuda_stream_capturing(device, stream, &answer) != JUMPOUT_OK || answer == 0,
                  "a capture ends in any case");
    }
    if (graph) tally(jumpout_cuda_graph_launch(device, graph, stream));
    if (graph) tally(jumpout_cuda_graph_destroy(device, graph));
    void* both[] = {stream, other};
    if (memory) tally(jumpout_cuda_free(device, memory, both, 2));
    tally(jumpout_cuda_stream_destroy(device, stream));
    if (other) tally(jumpout_cuda_stream_destroy(device, other));
  }
  if (pinned) tally(jumpout_cuda_free_pinned(pinned));
  return tally;
}

// CUDA_ON_CPU_FAIL names a call that one of the workouts makes.
void lostDevice() {
  Tally tally = workout(0);
  for (int again = 0; again < 3 && tally.lost == 0; ++again) tally = workout(0);
  check::that(tally.strange + tally.refused == 0, std::to_string(tally.strange) + " strange answers");
  check::that(tally.lost > 0, "a call reports it");
  tally = workout(0);
  check::that(tally.lost > 0 && tally.strange == 0, "and it stays so");
  check::that(cudaSetDevice(1) == cudaSuccess, "another device");
  tally = workout(1);
  check::that(tally.fine > 20 && tally.strange + tally.lost == 0, "is as good as ever");
}

struct Failing {
  const char* call;
  bool once = false;  // a device makes this call no second time
};

// If the loss occurs in a call whose status is ignored, the next calls report it.
const Failing kFailing[] = {{"cudaDeviceGetAttribute"},
                            {"cudaEventCreate"},
                            {"cudaEventCreateWithFlags"},
                            {"cudaEventDestroy"},
                            {"cudaEventElapsedTime"},
                            {"cudaEventRecord"},
                            {"cudaEventSynchronize"},
                            {"cudaFreeAsync"},
                            {"cudaFreeHost"},
                            {"cudaGetDevice"},
                            {"cudaGetDeviceProperties"},
                            {"cudaGraphDestroy"},
                            {"cudaGraphExecDestroy"},
                            {"cudaGraphInstantiate"},
                            {"cudaGraphLaunch"},
                            {"cudaHostAlloc"},
                            {"cudaLaunchKernelEx"},
                            {"cudaMallocFromPoolAsync"},
                            {"cudaMemPoolCreate", true},
                            {"cudaMemPoolSetAttribute"},
                            {"cudaMemcpyAsync"},
                            {"cudaMemGetInfo", true},
                            {"cudaMemsetAsync"},
                            {"cudaPointerGetAttributes"},
                            {"cudaStreamBeginCapture"},
                            {"cudaStreamCreateWithFlags"},
                            {"cudaStreamDestroy"},
                            {"cudaStreamEndCapture"},
                            {"cudaStreamGetDevice"},
                            {"cudaStreamIsCapturing"},
                            {"cudaStreamSynchronize"},
                            {"cudaStreamWaitEvent"},
                            {"cudaThreadExchangeStreamCaptureMode"}};

// ---- A call that is refused once ------------------------------------------------------------------------------------

// CUDA_ON_CPU_REFUSE names a call of the first workout: one of ours tells of it, and nothing is left of that.
void refusedCall() {
  Tally tally = workout(1);
  check::that(
      tally.refused == 1 && tally.lost + tally.strange == 0,
      std::to_string(tally.refused) + " calls tell of it, " + std::to_string(tally.strange) + " strangely");
  tally = workout(1);
  check::that(tally.fine > 20 && tally.lost + tally.refused + tally.strange == 0,
              "and then nothing is missing");
}

struct Refused {
  const char* call;
  int first = 1, last = 1;  // which of them
};

const Refused kRefused[] = {{"cudaDeviceGetAttribute", 5, 10},  // those before ask for capabilities
                            {"cudaEventCreateWithFlags"},
                            {"cudaEventDestroy"},
                            {"cudaEventElapsedTime"},
                            {"cudaEventSynchronize"},
                            {"cudaFreeAsync"},
                            {"cudaFreeHost"},
                            {"cudaFuncGetAttributes"},
                            {"cudaFuncSetAttribute", 1, 2},
                            {"cudaGetDevice", 1, 11},
                            {"cudaGetDeviceProperties"},
                            {"cudaGraphExecDestroy"},
                            {"cudaGraphInstantiate"},
                            {"cudaGraphLaunch"},
                            {"cudaHostAlloc"},
                            {"cudaLaunchKernelEx", 1, 5},
                            {"cudaMallocFromPoolAsync", 1, 2},
                            {"cudaMemGetInfo"},
                            {"cudaMemPoolCreate"},
                            {"cudaMemPoolSetAttribute", 1, 2},
                            {"cudaMemcpyAsync", 1, 2},
                            {"cudaMemsetAsync", 1, 3},
                            {"cudaSetDevice"},
                            {"cudaStreamBeginCapture"},
                            {"cudaStreamCreateWithFlags", 1, 4},
                            {"cudaStreamDestroy", 1, 2},
                            {"cudaStreamGetDevice", 1, 11},
                            {"cudaStreamIsCapturing", 1, 2},
                            {"cudaStreamSynchronize", 1, 2},
                            {"cudaStreamWaitEvent"}};

// CUDA_ON_CPU_REFUSE=cudaPointerGetAttributes:1: what drivers before CUDA 11 say of memory that they do not know.
void unknownMemory() {
  void* memory = allocated(0, 64);
  check::that(kindOf(memory).kind == JUMPOUT_MEMORY_HOST, "it is the host's");
  check::that(cudaPeekAtLastError() == cudaSuccess, "CUDA remembers no error");
  check::that(kindOf(memory).kind == JUMPOUT_MEMORY_DEVICE, "known again");
  freed(0, memory);
}

// ---- A device that is full ---------------------------------------------------------------------------------------------

// CUDA_ON_CPU_MEMORY=1048576: memory that was freed during a capture can be allocated again.
void fullDevice() {
  constexpr size_t kMost = 700000;
  void* memory = allocated(0, kMost);
  void* more = nullptr;
  failed(jumpout_cuda_allocate(0, kMost, nullptr, 1, &more), cudaErrorMemoryAllocation, "", "a full device");
  if (jumpout_cuda_device_count() > 1) freed(1, allocated(1, kMost));
  freed(0, memory);
  freed(0, allocated(0, kMost));
  const Stream stream(0);
  memory = allocated(0, kMost, stream.handle, false);
  ok(jumpout_cuda_capture_begin(0, stream.handle), "a capture");
  freed(0, memory, {stream.handle});
  failed(jumpout_cuda_allocate(0, kMost, nullptr, 1, &more), cudaErrorMemoryAllocation, "",
         "full while captured");
  cudaGraph_t graph = nullptr;
  cuda(cudaStreamEndCapture(stream.cuda(), &graph), "its end, behind our back");
  cuda(cudaGraphDestroy(graph), "the end of the graph");
  freed(0, allocated(0, kMost));
  size_t free_bytes = 0, total = 0;
  cuda(cudaMemGetInfo(&free_bytes, &total), "memory");
  check::that(free_bytes == total, "nothing was leaked: " + std::to_string(total - free_bytes) + " bytes");
}

// ---- Devices without memory pools ------------------------------------------------------------------------------------------

void poolless() {
  cudaMemPool_t pool = nullptr;
  cudaMemPoolProps properties = {};
  check::that(cudaMemPoolCreate(&pool, &properties) == cudaErrorNotSupported, "there are no pools");
  cudaGetLastError();
  memory();
  copies();
  frees();
  graphs();
  threads();
}

// ---- A driver older than the toolkit -------------------------------------------------------------------------------------

// CUDA_ON_CPU_DRIVER=12040: the device of a stream is unknown. Some 12.x drivers run programs that a later toolkit built.
void olderDriver() {
  int asked = 0;
  const Stream own(0), other(jumpout_cuda_device_count() - 1);
  check::that(cudaStreamGetDevice(own.cuda(), &asked) == cudaErrorCallRequiresNewerDriver,
              "CUDA does not say");
  cudaGetLastError();
  for (const Stream* stream : {&own, &other}) {
    int32_t device = -1;
    ok(jumpout_cuda_stream_device(stream->handle, &device), "the device of a stream");
    check::that(device == stream->device, "is found all the same");
    void* memory = allocated(device, 64, stream->handle, false);
    ok(jumpout_cuda_fill(device, memory, 1, 8, stream->handle), "a fill");
    check::that(numbersOf(device, memory, 1, stream->handle)[0] == 0x0101010101010101u, "in its order");
    freed(device, memory, {stream->handle});
  }
  ok(jumpout_cuda_stream_wait(0, own.handle, other.handle), "waiting for another device");
  void* gone = nullptr;
  ok(jumpout_cuda_stream_create(0, &gone), "a stream");
  ok(jumpout_cuda_stream_destroy(0, gone), "its end");
  int32_t device = 0;
  failed(jumpout_cuda_stream_device(gone, &device), cudaErrorInvalidResourceHandle, "stream", "of no device");
  void* memory = allocated(0, 64);
  const uint64_t value = 1;
  failed(jumpout_cuda_store(0, static_cast<uint64_t*>(memory), &value, 1, other.handle),
         cudaErrorInvalidResourceHandle, "", "a wrong stream");
  freed(0, memory);
  graphs();
  threads();
}

// ---- Streams that end while others free ------------------------------------------------------------------------------------

// CUDA_ON_CPU_FAIL=cudaDeviceSynchronize:1: a query of a destroyed stream fails the test.
void endsOfStreams() {
  std::atomic<int> wrong{0};
  const auto work = [&wrong] {
    for (int round = 0; round < 400; ++round) {
      void *stream = nullptr, *memory = nullptr, *graph = nullptr;
      for (const jumpout_status status :
           {jumpout_cuda_stream_create(0, &stream), jumpout_cuda_allocate(0, 64, nullptr, 1, &memory),
            jumpout_cuda_capture_begin(0, stream), jumpout_cuda_free(0, memory, &stream, 1),
            jumpout_cuda_capture_end(0, stream, &graph), jumpout_cuda_graph_destroy(0, graph),
            jumpout_cuda_stream_destroy(0, stream)})
        wrong += status != JUMPOUT_OK;
    }
  };
  std::vector<std::thread> running;
  for (int i = 0; i < 4; ++i) running.emplace_back(work);
  for (std::thread& thread : running) thread.join();
  check::that(wrong == 0, std::to_string(wrong) + " calls asked a stream that was gone");
}

// ---- No device -----------------------------------------------------------------------------------------------------------

void noDevice(const std::string& reason) {
  jumpout_runtime runtime = {};
  ok(jumpout_get_runtime(&runtime), "the runtime");
  check::that(runtime.cuda_compiled && !runtime.cuda_available, "compiled, but not available");
  const std::string text = runtime.cuda_reason ? runtime.cuda_reason : "";
  check::that(text.find(reason) != std::string::npos, "the reason: " + text);
  check::that(text == jumpout_status_text(JUMPOUT_NO_CUDA), "the same reason as the status'");
  check::that(jumpout_cuda_device_count() == 0, "no devices");
  const jumpout_device_forward_args args = {};
  void* memory = nullptr;
  const jumpout_status statuses[] = {
      jumpout_device_forward(&args), jumpout_cuda_allocate(0, 8, nullptr, 1, &memory),
      jumpout_cuda_stream_synchronize(0, nullptr), jumpout_cuda_copy(0, &memory, &memory, 8, nullptr)};
  for (const jumpout_status status : statuses) check::that(status == JUMPOUT_NO_CUDA, "no CUDA");
}

// ---- Loading the program ---------------------------------------------------------------------------------------------------

void nothingAtLoad() {
  // CUDA_ON_CPU_FAIL=cudaGetDeviceCount:2: a call of the driver while the program is loaded would be the first.
  check::that(jumpout_cuda_device_count() > 0, "nothing asks before the first call");
  std::vector<std::thread> asking;
  for (int i = 0; i < 4; ++i) asking.emplace_back([] { jumpout_cuda_device_count(); });
  for (std::thread& thread : asking) thread.join();
  check::that(jumpout_cuda_device_count() > 0, "and the last: the answer is remembered");
  int count = 0;
  check::that(cudaGetDeviceCount(&count) == cudaErrorIllegalAddress, "this is the second call");
}

}  // namespace

void failures(const char* program) {
  for (const auto& [call, once] : kFailing) {
    runChild(program, "lost", {{"CUDA_ON_CPU_FAIL", std::string(call) + ":1"}});
    if (!once) runChild(program, "lost", {{"CUDA_ON_CPU_FAIL", std::string(call) + ":2"}});
  }
  for (const auto& [call, first, last] : kRefused)
    for (int n = first; n <= last; ++n)
      runChild(program, "refused",
               {{"CUDA_ON_CPU_REFUSE", std::string(call) + ":" + std::to_string(n)},
                {"CUDA_ON_CPU_DEVICES", "2"}});
  for (const char* call : {"cudaMalloc", "cudaFree"})
    runChild(program, "refused",
             {{"CUDA_ON_CPU_REFUSE", std::string(call) + ":1"}, {"CUDA_ON_CPU_POOLS", "0"}});
  runChild(program, "unknown memory", {{"CUDA_ON_CPU_REFUSE", "cudaPointerGetAttributes:1"}});
  runChild(program, "full", {{"CUDA_ON_CPU_MEMORY", "1048576"}});
  runChild(program, "full", {{"CUDA_ON_CPU_MEMORY", "1048576"}, {"CUDA_ON_CPU_POOLS", "0"}});
  runChild(program, "poolless", {{"CUDA_ON_CPU_POOLS", "0"}});
  for (const char* call : {"cudaMalloc", "cudaFree", "cudaStreamSynchronize"})
    runChild(program, "lost", {{"CUDA_ON_CPU_FAIL", std::string(call) + ":1"}, {"CUDA_ON_CPU_POOLS", "0"}});
  runChild(program, "older", {{"CUDA_ON_CPU_DRIVER", "12040"}});
  runChild(program, "ends", {{"CUDA_ON_CPU_FAIL", "cudaDeviceSynchronize:1"}});
  runChild(program, "none", {{"CUDA_ON_CPU_DEVICES", "0"}});
  runChild(program, "old", {{"CUDA_ON_CPU_ARCH", "70"}, {"CUDA_ON_CPU_DEVICES", "2"}});
  runChild(program, "outdated", {{"CUDA_ON_CPU_DRIVER", "11080"}});
  runChild(program, "driverless", {{"CUDA_ON_CPU_DRIVER", "0"}});
  runChild(program, "unknown",
           {{"CUDA_ON_CPU_REFUSE", "cudaDeviceGetAttribute:1"}, {"CUDA_ON_CPU_DEVICES", "1"}});
  runChild(program, "broken", {{"CUDA_ON_CPU_FAIL", "cudaGetDeviceCount:1"}});
  runChild(program, "lazy", {{"CUDA_ON_CPU_FAIL", "cudaGetDeviceCount:2"}});
}

int runScenario(const std::string& name) {
  if (name == "lost") lostDevice();
  if (name == "refused") refusedCall();
  if (name == "unknown memory") unknownMemory();
  if (name == "full") fullDevice();
  if (name == "poolless") poolless();
  if (name == "older") olderDriver();
  if (name == "ends") endsOfStreams();
  if (name == "none") noDevice("no CUDA device");
  if (name == "old") noDevice("7.5 or later, only of 7.0, 7.0");
  if (name == "outdated") noDevice("made for CUDA 11.8, too old for the CUDA 1");
  if (name == "driverless") noDevice("no NVIDIA driver on this machine");
  if (name == "unknown") noDevice("7.5 or later, only of unknown");
  if (name == "broken") noDevice("cudaErrorIllegalAddress (700)");
  if (name == "lazy") nothingAtLoad();
  if (check::failed) std::printf("in scenario %s:\n", name.c_str());
  return check::failed || !check::passed ? check::report() : 0;
}

#endif

}  // namespace device_runtime
