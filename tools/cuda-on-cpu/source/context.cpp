#include "context.hpp"

#include <cstdint>
#include <cstdlib>

#include "sanitizers.hpp"

namespace cuda_on_cpu {
namespace {

#if defined(CUDA_ON_CPU_TSAN)
constexpr unsigned kUnordered = 1;  // only barriers of the kernel order memory, turns do not
#endif

thread_local Context* leaving = nullptr;     // the context that switched last
thread_local void (*firstCall)() = nullptr;  // of a context that is switched to for the first time

void beforeSwitch([[maybe_unused]] Context& from, [[maybe_unused]] Context& to,
                  [[maybe_unused]] bool finished) {
  leaving = &from;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(finished ? nullptr : &from.fakeStack, to.stack, to.stackBytes);
#endif
#if defined(CUDA_ON_CPU_TSAN)
  __tsan_switch_to_fiber(to.tsanFiber, kUnordered);
#endif
}

void afterSwitch([[maybe_unused]] void* fakeStack) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fakeStack, &leaving->stack, &leaving->stackBytes);
#endif
}

void enter() {
  afterSwitch(nullptr);
  firstCall();
  std::abort();
}

}  // namespace

#if defined(CUDA_ON_CPU_UCONTEXT)

namespace {

void prepareStack(Context& context, void* stack, size_t bytes) {
  getcontext(&context.saved);
  context.saved.uc_stack.ss_sp = stack;
  context.saved.uc_stack.ss_size = bytes;
  context.saved.uc_link = nullptr;
  makecontext(&context.saved, enter, 0);
}

void switchStack(Context& from, Context& to) { swapcontext(&from.saved, &to.saved); }

}  // namespace

#else

// Saves what a function must preserve, and the stack pointer; takes over the other's. The floating-point modes are the
// process's own.
extern "C" void cudaOnCpuSwitchStack(void** save, void* restore);
asm(R"(
.text
.p2align 4
.type cudaOnCpuSwitchStack, @function
cudaOnCpuSwitchStack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cudaOnCpuSwitchStack, .-cudaOnCpuSwitchStack
)");

namespace {

// As cudaOnCpuSwitchStack would have left it: six registers, the address to return to, and for `enter` a stack pointer that
// looks as after a call.
void prepareStack(Context& context, void* stack, size_t bytes) {
  constexpr int kRegisters = 6;
  const uintptr_t top = (reinterpret_cast<uintptr_t>(stack) + bytes) & ~uintptr_t{15};
  void** words = reinterpret_cast<void**>(top);
  *--words = nullptr;
  *--words = reinterpret_cast<void*>(enter);
  for (int i = 0; i < kRegisters; ++i) *--words = nullptr;
  context.stackPointer = words;
}

void switchStack(Context& from, Context& to) { cudaOnCpuSwitchStack(&from.stackPointer, to.stackPointer); }

}  // namespace

#endif

void begin(Context& context, void* stack, size_t bytes, void (*entry)()) {
  context.stack = stack;
  context.stackBytes = bytes;
  firstCall = entry;
  prepareStack(context, stack, bytes);
#if defined(CUDA_ON_CPU_TSAN)
  context.tsanFiber = __tsan_create_fiber(0);
#endif
}

void switchContext(Context& from, Context& to, bool finished) {
  beforeSwitch(from, to, finished);
  switchStack(from, to);
  afterSwitch(from.fakeStack);
}

void releaseFor([[maybe_unused]] Context& context, [[maybe_unused]] const Context& current,
                [[maybe_unused]] void* address) {
#if defined(CUDA_ON_CPU_TSAN)
  __tsan_switch_to_fiber(context.tsanFiber, kUnordered);
  release(address);
  __tsan_switch_to_fiber(current.tsanFiber, kUnordered);
#endif
}

void adoptCurrent([[maybe_unused]] Context& context) {
#if defined(CUDA_ON_CPU_TSAN)
  context.tsanFiber = __tsan_get_current_fiber();
#endif
}

void end([[maybe_unused]] Context& context) {
#if defined(CUDA_ON_CPU_TSAN)
  if (context.tsanFiber != nullptr) __tsan_destroy_fiber(context.tsanFiber);
  context.tsanFiber = nullptr;
#endif
}

}  // namespace cuda_on_cpu
