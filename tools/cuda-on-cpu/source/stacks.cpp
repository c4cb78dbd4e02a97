#include "stacks.hpp"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#include "sanitizers.hpp"

namespace cuda_on_cpu {
namespace {

constexpr size_t kGuard = 4096;
constexpr size_t kStack = kAddressSanitizer || kThreadSanitizer ? 256 * 1024 : 64 * 1024;  // with the guard

// Stacks lie a power of two apart; without this their tops would compete for the same lines of the cache.
constexpr size_t kColours = 32;
constexpr size_t kColour = 9 * 64;

void* map(void* where, size_t bytes, int extraFlags) {
  void* memory = mmap(where, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | extraFlags, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("CUDA on CPU: no memory for stacks");
    std::abort();
  }
  return memory;
}

}  // namespace

void Stacks::unmap() {
  if (memory_ == nullptr) return;
  allowAccess(memory_, count_ * kStack);
  munmap(memory_, count_ * kStack);
  memory_ = nullptr;
  count_ = 0;
}

void Stacks::makeRoomFor(size_t count) {
  if (count <= count_) return;
  unmap();
  size_t room = 256;  // guards take time to make
  while (room < count) room *= 2;
  count = room;
  memory_ = static_cast<char*>(map(nullptr, count * kStack, 0));
  count_ = count;
  allowAccess(memory_, count * kStack);
  for (size_t i = 0; i < count; ++i) mprotect(memory_ + i * kStack, kGuard, PROT_NONE);
}

void* Stacks::fresh(size_t number, size_t* bytes) {
  char* stack = memory_ + number * kStack + kGuard;
  // A new mapping has a clean shadow: stacks serve threads of one block after another, which are not ordered.
  if (kThreadSanitizer) map(stack, kStack - kGuard, MAP_FIXED);
  *bytes = kStack - kGuard - number % kColours * kColour;
  // The frame that a finished fiber was left in.
  if (kAddressSanitizer) allowAccess(stack + *bytes - kGuard, kGuard);
  return stack;
}

}  // namespace cuda_on_cpu
