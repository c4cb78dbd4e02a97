// The library as a guest in a host process: after fork(), beside the host's signals, and whatever floating-point
// environment the caller has. POSIX.
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.hpp"
#include "jumpout.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr size_t kLarge = 600001;  // enough for workers that sleep

// ThreadSanitizer confuses threads of a child with those of its parent.
#if defined(__SANITIZE_THREAD__)
constexpr bool kChildrenStartThreads = false;
#else
constexpr bool kChildrenStartThreads = true;
#endif

// AddressSanitizer's allocator stays locked in the child where another thread of the parent was inside at fork().
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kForksBesideThreads = false;
#else
constexpr bool kForksBesideThreads = true;
#endif

#if defined(__x86_64__)
using Register = unsigned;
Register floatRegister() { return _mm_getcsr(); }
void setFloatRegister(Register value) { _mm_setcsr(value); }
constexpr Register kStandard = 0x1F80;
const std::vector<std::pair<const char*, Register>> kOthers = {{"subnormal results flushed", 0x9F80},
                                                               {"subnormal inputs flushed", 0x1FC0},
                                                               {"both", 0x9FC0},
                                                               {"downwards", 0x3F80},
                                                               {"upwards", 0x5F80},
                                                               {"towards zero", 0x7F80},
                                                               {"all traps", 0x0000},
                                                               {"everything", 0xE040},
                                                               {"raised before", 0x1FBF},
                                                               {"flushing, raised before", 0x9FFF}};
#elif defined(__aarch64__)
using Register = uint64_t;
Register floatRegister() {
  Register value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
void setFloatRegister(Register value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
constexpr Register kStandard = 0;
const std::vector<std::pair<const char*, Register>> kOthers = {
    {"flushed", 1u << 24},      {"upwards", 1u << 22},     {"downwards", 2u << 22},
    {"towards zero", 3u << 22}, {"default NaN", 1u << 25}, {"everything", 15u << 22}};
#else
using Register = int;
Register floatRegister() { return 0; }
void setFloatRegister(Register) {}
constexpr Register kStandard = 0;
const std::vector<std::pair<const char*, Register>> kOthers;
#endif

// Every function that computes, called with the floating-point register set to `mode`, on numbers that the modes treat
// differently. All that comes out, as bytes.
std::string resultsOf(size_t length, Register mode) {
  std::vector<float> input(length), output(length), gradient(length), drawn(length), small(length);
  std::vector<uint16_t> halves(length), narrowed(length);
  std::vector<uint32_t> mask(jumpout_mask_words(length));
  for (size_t i = 0; i < length; ++i) {
    const float sign = i % 3 == 0 ? -1.0f : 1.0f;
    input[i] = i % 5 == 0   ? sign * 1.1e-39f
               : i % 5 == 1 ? sign * 1e-38f
                            : sign * static_cast<float>(i + 1) / 7;
    small[i] = sign * static_cast<float>(i % 4099) * 1.7e-8f;
    halves[i] = static_cast<uint16_t>(i * 37);
  }
  std::string results;
  const auto add = [&](const void* first, size_t bytes) {
    results.append(static_cast<const char*>(first), bytes);
  };
  const auto run = [&](const char* what, auto&& call) {
    setFloatRegister(mode);
    const Register before = floatRegister();
    const jumpout_status status = call();
    const Register after = floatRegister();
    setFloatRegister(kStandard);
    if (status != JUMPOUT_OK || before != after)
      check::that(false, std::string(what) + ": status " + std::to_string(status) + ", register " +
                             std::to_string(before) + " became " + std::to_string(after));
  };

  jumpout_options options = jumpout_default_options();
  options.relu = 1;
  options.sigma = 0.3;
  jumpout_group group{};
  const jumpout_layout layout{0, 0, 1, 0};
  const jumpout_count_args count{input.data(), &group, length, 1, layout};
  run("count", [&] { return jumpout_count_active(&count); });
  add(&group, sizeof group);
  for (const double exponent : {0.75, 0.3}) {
    options.exponent = exponent;
    const jumpout_forward_args forward{input.data(), output.data(), mask.data(), &group, length, 1,
                                       layout,       options,       3,           5,      0};
    run("forward", [&] { return jumpout_forward(&forward); });
    add(output.data(), 4 * length);
    add(mask.data(), 4 * mask.size());
    add(&group, sizeof group);
  }
  jumpout_backward_args backward{
      input.data(), gradient.data(), mask.data(), nullptr, &group, length, 1, layout, 3, 5, 1};
  run("backward", [&] { return jumpout_backward(&backward); });
  add(gradient.data(), 4 * length);
  backward.mask = nullptr;
  backward.output = output.data();
  backward.grad_input = drawn.data();
  run("backward from the seed", [&] { return jumpout_backward(&backward); });
  add(drawn.data(), 4 * length);
  run("identity", [&] { return jumpout_identity(input.data(), output.data(), length); });
  add(output.data(), 4 * length);
  for (const jumpout_dtype dtype : {JUMPOUT_FLOAT16, JUMPOUT_BFLOAT16}) {
    run("widen", [&] { return jumpout_widen(dtype, halves.data(), output.data(), length); });
    add(output.data(), 4 * length);
    for (const auto& floats : {input, small}) {
      run("narrow", [&] { return jumpout_narrow(dtype, floats.data(), narrowed.data(), length); });
      add(narrowed.data(), 2 * length);
    }
  }
  return results;
}

void floats(const std::vector<size_t>& lengths) {
  for (const size_t length : lengths) {
    const std::string want = resultsOf(length, kStandard);
    for (const auto& [name, mode] : kOthers)
      check::that(resultsOf(length, mode) == want, std::to_string(length) + " elements, " + name);
  }
}

// Workers that start while the caller has another environment do not inherit it.
void floatsOfWorkers(Register mode) {
  const std::string first = resultsOf(kLarge, mode);
  check::that(first == resultsOf(kLarge, kStandard), "workers started in another environment");
}

// Threads of this process whose name is the pool's.
std::vector<std::string> workers() {
  std::vector<std::string> found;
#if defined(__linux__)
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    if (name == "jumpout") found.push_back(task.path().string());
  }
#endif
  return found;
}

void awaitWorkers(size_t count) {
  for (int i = 0; i < 5000 && workers().size() != count; ++i)
    usleep(1000);  // a thread names itself once it runs
}

constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

bool isFault(int signal) {
  return std::find(std::begin(kFaults), std::end(kFaults), signal) != std::end(kFaults);
}

std::vector<bool> blockedHere() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  std::vector<bool> blocked;
  for (int signal = 1; signal < 32; ++signal) blocked.push_back(sigismember(&mask, signal) == 1);
  return blocked;
}

void block(int how, std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  pthread_sigmask(how, &set, nullptr);
}

void signals() {
  block(SIG_SETMASK, {SIGFPE, SIGUSR2});
  const std::vector<bool> before = blockedHere();
  resultsOf(kLarge, kStandard);
  check::that(blockedHere() == before, "the caller's signal mask is as it was");
#if defined(__linux__)
  awaitWorkers(2);
  check::that(workers().size() == 2, "two workers, by their names");
  for (const std::string& worker : workers()) {
    std::ifstream status(worker + "/status");
    uint64_t mask = 0;
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("SigBlk:")) mask = std::stoull(line.substr(7), nullptr, 16);
    for (int signal = 1; signal <= 64; ++signal) {
      if (signal == SIGKILL || signal == SIGSTOP || signal == 32 || signal == 33 || signal == 34)
        continue;  // and libc's
      check::that((mask >> (signal - 1) & 1) == !isFault(signal),
                  "signal " + std::to_string(signal) + " of a worker");
    }
  }
#endif
  // What is blocked after the first call is not delivered to a worker, where it would end the process.
  block(SIG_BLOCK, {SIGUSR1, SIGTERM, SIGHUP});
  for (const int signal : {SIGUSR1, SIGTERM, SIGHUP}) {
    kill(getpid(), signal);
    resultsOf(kLarge, kStandard);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    int got = 0;
    sigwait(&one, &got);
    check::that(got == signal, "the host waits for its signal");
  }
}

// If no thread can be started, the caller does all the work and keeps its signal mask.
void noWorkers() {
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const std::string want = resultsOf(1, kStandard);
  const std::vector<bool> before = blockedHere();
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  std::vector<float> memory(kLarge);
  limit.rlim_cur =
      pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) + memory.size() * sizeof(float) + (1 << 20);
  setrlimit(RLIMIT_AS, &limit);  // no room for a stack
  jumpout_group group{};
  const jumpout_count_args count{memory.data(), &group, kLarge, 1, {0, 0, 1, 0}};
  check::that(jumpout_count_active(&count) == JUMPOUT_OK && group.total == kLarge, "counted alone");
  check::that(workers().empty() && blockedHere() == before, "without workers, the mask as it was");
#endif
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define JUMPOUT_TEST_SMALL_STACKS  // the sanitizers' own frames need more
// Workers have room for what they call, however little the process gives its threads.
void smallStacks() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 32768);
  check::that(pthread_setattr_default_np(&attributes) == 0, "little stack for new threads");
  pthread_attr_destroy(&attributes);
  const std::string want = resultsOf(kLarge, kStandard);
  awaitWorkers(2);
  check::that(workers().size() == 2 && resultsOf(kLarge, kStandard) == want, "results of workers");
}
#endif

// A thread that is cancelled while it is inside ends behind the call.
void cancelled() {
  std::atomic<int> calls{0};
  const auto loop = [](void* counter) -> void* {
    for (;;) {
      resultsOf(kLarge, kStandard);
      ++*static_cast<std::atomic<int>*>(counter);
      pthread_testcancel();
    }
  };
  for (int i = 0; i < 5; ++i) {
    pthread_t thread;
    check::that(pthread_create(&thread, nullptr, loop, &calls) == 0, "a thread");
    const int before = calls;
    while (i > 0 && calls == before) usleep(100);  // the first time before the first call
    usleep(i * 137);
    pthread_cancel(thread);
    void* result = nullptr;
    pthread_join(thread, &result);
    check::that(result == PTHREAD_CANCELED, "it was cancelled");
  }
  check::that(calls > 0, "behind its calls");
}

// Runs `body` in a child; what fails there, fails here, and a child that hangs is ended.
void inChild(const std::string& what, const std::function<void()>& body) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    check::passed = check::failed = 0;
    alarm(100);
    block(SIG_UNBLOCK, {SIGALRM});
    body();
    std::fflush(stdout);
    _exit(check::failed == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  check::that(WIFEXITED(status) && WEXITSTATUS(status) == 0,
              what + (WIFSIGNALED(status) ? ": ended by signal " + std::to_string(WTERMSIG(status)) : ""));
}

void rightHere(const std::string& want) {
  check::that(resultsOf(kLarge, kStandard) == want, "results in a child");
#if defined(__linux__)
  awaitWorkers(2);
  check::that(workers().size() == 2, "a child has workers of its own");
#endif
}

void forks() {
  const std::string want = resultsOf(kLarge, kStandard);
  inChild("a child", [&] {
    rightHere(want);
    inChild("a grandchild", [&] { rightHere(want); });
    rightHere(want);
  });
  inChild("a child that calls nothing, and its child",
          [&] { inChild("a grandchild", [&] { rightHere(want); }); });
  if (!kForksBesideThreads) return;

  std::atomic<bool> stop{false}, wrong{false};
  std::vector<std::thread> others;
  for (int i = 0; i < 2; ++i)
    others.emplace_back([&] {
      while (!stop)
        if (resultsOf(kLarge, kStandard) != want) wrong = true;
    });
  for (int i = 0; i < 20; ++i)
    inChild("a child, while other threads of the parent are inside", [&] { rightHere(want); });
  stop = true;
  for (std::thread& other : others) other.join();
  check::that(!wrong && resultsOf(kLarge, kStandard) == want, "results of the parent");
}

// The environment is read by one thread while another forks.
void forksAtTheFirstCall() {
  std::thread other([] {
    jumpout_runtime runtime;
    jumpout_get_runtime(&runtime);
  });
  inChild("a child, during the first call", [] {
    jumpout_runtime runtime;
    check::that(jumpout_get_runtime(&runtime) == JUMPOUT_OK && runtime.cpu_threads == 3, "runtime");
    resultsOf(kLarge, kStandard);
  });
  other.join();
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
// A cancelled thread leaves marks of its frames behind, over which the sanitizer stumbles when it takes its signal
// stack away.
extern "C" [[gnu::visibility("default")]] const char* __asan_default_options() { return "use_sigaltstack=0"; }
#endif

// Each part in a process of its own, since the library reads its environment once. With any argument only what qemu-user,
// whose threads, signals and limits are not those of a kernel, emulates well.
int main(int count, char**) {
  setenv("JUMPOUT_NUM_THREADS", "3", 1);
  const bool emulated = count > 1;
  if (kChildrenStartThreads && !emulated) {
    inChild("fork()", forks);
    for (int i = 0; i < 20 && kForksBesideThreads; ++i)
      inChild("fork() at the first call", forksAtTheFirstCall);
  }
  if (!emulated) {
    inChild("signals", signals);
    inChild("no workers", noWorkers);
    inChild("cancelled threads", cancelled);
#if defined(JUMPOUT_TEST_SMALL_STACKS)
    inChild("small stacks", smallStacks);
#endif
  }
  for (const auto& [name, mode] : kOthers) inChild(name, [mode = mode] { floatsOfWorkers(mode); });
  for (const char* isa : {"scalar", "avx2", "avx512", "neon"}) {
    for (const char* threads : {"1", "3"}) {
      setenv("JUMPOUT_CPU_ISA", isa, 1);
      setenv("JUMPOUT_NUM_THREADS", threads, 1);
      inChild(std::string(isa) + ", floating-point environment, threads " + threads, [] {
        jumpout_runtime runtime;
        if (jumpout_get_runtime(&runtime) != JUMPOUT_OK) return;  // not on this machine
        floats(runtime.cpu_threads == 1 ? std::vector<size_t>{1, 77, 5000} : std::vector<size_t>{kLarge});
      });
    }
  }
  return check::report();
}
