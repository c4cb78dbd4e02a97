// Memory that runs out: the n-th allocation of a process fails, for every n until none does. Each call then succeeds with its
// bits, or says JUMPOUT_OUT_OF_MEMORY and has written nothing; made again it succeeds, and no block and no file stays behind
// that does not stay without a failure. Each n has a process of its own, since much is made at a first use. POSIX.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <new>
#include <vector>

#include "check.hpp"
#include "jumpout.h"
#include "jumpout_cuda.h"

#if defined(JUMPOUT_CUDA_ON_CPU)
#include "cuda_on_cpu/calls.h"
#endif

namespace {

std::atomic<long> live{0};
std::atomic<long> left{0};  // allocations until the one that fails; 0: none
std::atomic<bool> failed{false};

bool fails() {
#if defined(JUMPOUT_CUDA_ON_CPU)
  if (cuda_on_cpu::callsInProgress > 0) return false;  // a driver's memory is its own
#endif
  if (left == 0 || --left != 0) return false;
  return failed = true;
}

void* allocated(size_t bytes) noexcept {
  void* const block = fails() ? nullptr : std::malloc(bytes ? bytes : 1);
  live += block != nullptr;
  return block;
}

void* allocatedOrThrown(size_t bytes) {
  if (void* const block = allocated(bytes)) return block;
  throw std::bad_alloc();
}

void freed(void* block) noexcept {
  live -= block != nullptr;
  std::free(block);
}

}  // namespace

void* operator new(size_t bytes) { return allocatedOrThrown(bytes); }
void* operator new[](size_t bytes) { return allocatedOrThrown(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return allocated(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return allocated(bytes); }
void operator delete(void* block) noexcept { freed(block); }
void operator delete[](void* block) noexcept { freed(block); }
void operator delete(void* block, size_t) noexcept { freed(block); }
void operator delete[](void* block, size_t) noexcept { freed(block); }

namespace {

constexpr size_t kLength = size_t{1} << 20;  // worth several threads

// In static memory: what is counted is the library's.
struct Arrays {
  float input[kLength], output[kLength], gradient[kLength];
  uint32_t mask[kLength / 32];
  jumpout_group group;
};
Arrays arrays;

uint64_t hashOf(const void* memory, size_t bytes) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < bytes; i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, static_cast<const char*>(memory) + i, std::min<size_t>(8, bytes - i));
    hash = (hash ^ word) * 1099511628211u;
  }
  return hash;
}

// What a call has in common with the others: `run` makes it, `written` is what it writes.
struct Step {
  const char* name;
  std::function<jumpout_status()> run;
  void* written;
  size_t bytes;
};

constexpr int32_t kOutOfDeviceMemory = 2;  // cudaErrorMemoryAllocation

int files() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

std::vector<Step> hostSteps() {
  static jumpout_host host;
  static jumpout_runtime runtime;
  static jumpout_forward_args forward = {};
  forward.input = arrays.input;
  forward.output = arrays.output;
  forward.mask = arrays.mask;
  forward.groups = &arrays.group;
  forward.length = kLength;
  forward.group_count = 1;
  forward.layout = {0, 0, 1, 0};
  forward.options = jumpout_default_options();
  static jumpout_backward_args backward = {};
  backward.grad_output = arrays.input;
  backward.grad_input = arrays.gradient;
  backward.mask = arrays.mask;
  backward.groups = &arrays.group;
  backward.length = kLength;
  backward.group_count = 1;
  backward.layout = {0, 0, 1, 0};
  static jumpout_group counts;
  static const jumpout_count_args count = {arrays.input, &counts, kLength, 1, {0, 0, 1, 0}};
  return {
      {"forward", [] { return jumpout_forward(&forward); }, arrays.output, sizeof arrays.output},
      {"backward", [] { return jumpout_backward(&backward); }, arrays.gradient, sizeof arrays.gradient},
      {"count", [] { return jumpout_count_active(&count); }, &counts, sizeof counts},
      {"host", [] { return jumpout_get_host(&host); }, &host, sizeof host},
      {"runtime", [] { return jumpout_get_runtime(&runtime); }, &runtime, sizeof runtime},
  };
}

#if defined(JUMPOUT_CUDA_ON_CPU)

// Passes, memory whose release has to wait, and a graph, each time from a stream that is new to the end of it.
std::vector<Step> deviceSteps() {
  constexpr size_t kElements = 1000;
  static void *stream, *other, *tensor, *small, *graph;
  static int32_t capturing;
  static float result[kElements];
  static jumpout_device_forward_args forward = {};
  forward.length = kElements;
  forward.group_count = 1;
  forward.layout = {0, 0, 1, 0};
  forward.options = jumpout_default_options();
  const auto at = [](size_t byte) { return static_cast<char*>(small) + byte; };
  const auto fill = [=] {
    forward.input = forward.output = tensor;
    forward.records = reinterpret_cast<jumpout_record*>(at(64));
    forward.workspace = at(0);
    forward.stream = stream;
  };
  static void* both[2];
  // Steps that make something write the handle; the others nothing that a failure could leave half done.
  const auto makes = [](const char* name, auto run, void*& handle) { return Step{name, run, &handle, 0}; };
  const auto does = [](const char* name, auto run) { return Step{name, run, nullptr, 0}; };
  return {
      does("capturing", [] { return jumpout_cuda_stream_capturing(0, nullptr, &capturing); }),
      makes(
          "stream", [] { return jumpout_cuda_stream_create(0, &stream); }, stream),
      makes(
          "other", [] { return jumpout_cuda_stream_create(0, &other); }, other),
      makes(
          "tensor", [] { return jumpout_cuda_allocate(0, kElements * 4, stream, 0, &tensor); }, tensor),
      makes(
          "small", [] { return jumpout_cuda_allocate(0, 4096, stream, 1, &small); }, small),
      does("fill", [] { return jumpout_cuda_fill(0, tensor, 0x3F, kElements * 4, stream); }),
      does("clear", [] { return jumpout_cuda_fill(0, small, 0, 4096, stream); }),
      does("forward", [=] { return fill(), jumpout_device_forward(&forward); }),
      Step{"copy", [] { return jumpout_cuda_copy(0, result, tensor, sizeof result, stream); }, result,
           sizeof result},
      does("begin", [] { return jumpout_cuda_capture_begin(0, stream); }),
      does("captured", [=] { return fill(), jumpout_device_forward(&forward); }),
      does("free later",
           [] { return both[0] = stream, both[1] = other, jumpout_cuda_free(0, tensor, both, 2); }),
      makes(
          "end", [] { return jumpout_cuda_capture_end(0, stream, &graph); }, graph),
      does("destroy graph", [] { return jumpout_cuda_graph_destroy(0, graph); }),
      does("free", [] { return both[0] = stream, both[1] = other, jumpout_cuda_free(0, small, both, 2); }),
      does("destroy other", [] { return jumpout_cuda_stream_destroy(0, other); }),
      does("destroy stream", [] { return jumpout_cuda_stream_destroy(0, stream); }),
  };
}

#endif

// The other order, in which the runtime is asked for first.
std::vector<Step> reversed(std::vector<Step> steps) { return {steps.rbegin(), steps.rend()}; }

// In a child: runs all steps while the n-th allocation fails. Tells what stays in memory; -1 where something is wrong.
struct Report {
  long live = -1;
  bool failed = false;
  int refused = 0;
  uint64_t hash = 0;
};

Report runSteps(const std::vector<Step>& steps, long n) {
  Report report;
  const int files_before = files();
  const long live_before = live;
  bool right = true;
  for (const Step& step : steps) {
    const uint64_t before = hashOf(step.written, step.bytes);
    const bool failed_before = failed;
    left = failed ? 0 : n;
    const jumpout_status status = step.run();
    n = left;
    left = 0;
    const bool lacking =
        status == JUMPOUT_OUT_OF_MEMORY ||
        (status == JUMPOUT_CUDA_ERROR && jumpout_last_cuda_error().number == kOutOfDeviceMemory);
    const bool refused = lacking && failed && !failed_before;
    if (status != JUMPOUT_OK && !refused) std::printf("%s: status %d\n", step.name, status), right = false;
    if (!refused) continue;
    ++report.refused;
    if (hashOf(step.written, step.bytes) != before) std::printf("%s wrote\n", step.name), right = false;
    if (step.run() != JUMPOUT_OK) std::printf("%s fails again\n", step.name), right = false;
  }
  for (const Step& step : steps) report.hash = report.hash * 31 + hashOf(step.written, step.bytes);
  report.failed = failed;
  report.live = live - live_before;
  if (files() != files_before) std::printf("files stay open\n"), right = false;
  if (!right) report.live = -1;
  return report;
}

Report inChild(const std::vector<Step>& steps, long n) {
  int ends[2];
  Report report;
  std::fflush(nullptr);
  if (pipe(ends) != 0) return report;
  const pid_t child = fork();
  if (child == 0) {
    report = runSteps(steps, n);
    std::fflush(nullptr);
    _exit(write(ends[1], &report, sizeof report) == sizeof report ? 0 : 1);
  }
  close(ends[1]);
  const bool told = read(ends[0], &report, sizeof report) == sizeof report;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!told || status != 0) report.live = -1;
  return report;
}

// `threads` of the pool: a failure while they start leaves fewer of them, which is no error. Gives how many calls were refused.
int everyAllocation(const std::string& what, const std::vector<Step>& steps, int threads) {
  setenv("JUMPOUT_NUM_THREADS", std::to_string(threads).c_str(), 1);
  const Report plain = inChild(steps, 0);
  check::that(plain.live >= 0 && !plain.failed, what + ": without a failure");
  long n = 1;
  int refused = 0;
  for (;; ++n) {
    const Report report = inChild(steps, n);
    refused += report.refused;
    const std::string which = what + ": allocation " + std::to_string(n);
    check::that(report.live >= 0, which + " fails, and a status or a result follows");
    check::that(report.hash == plain.hash, which + " fails, and results are the same afterwards");
    const long missing = plain.live - report.live;  // the state of a thread that did not start
    check::that(missing >= 0 && missing < threads,
                which + " fails: " + std::to_string(-missing) + " blocks more stay");
    if (!report.failed || report.live < 0) break;
  }
  std::printf("%s: %ld allocations, %ld blocks stay\n", what.c_str(), n - 1, plain.live);
  check::that(n > 5, what + ": there are allocations");
  return refused;
}

}  // namespace

int main() {
  for (size_t i = 0; i < kLength; ++i) arrays.input[i] = static_cast<float>(i % 7) - 3.0f;
  const int refused = everyAllocation("one thread", hostSteps(), 1);
  everyAllocation("one thread, the runtime first", reversed(hostSteps()), 1);
  check::that(everyAllocation("two threads", hostSteps(), 2) == refused,
              "a call is not refused for want of threads");
#if defined(JUMPOUT_CUDA_ON_CPU)
  everyAllocation("a device", deviceSteps(), 1);
#endif
  return check::report();
}
