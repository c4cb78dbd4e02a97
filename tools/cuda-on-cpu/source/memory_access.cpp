// Shared memory, fences and turns at memory operations.
#include "cuda_on_cpu/memory_access.h"

#include <cstdlib>
#include <cstring>

#include "cooperative_groups.h"
#include "machine.hpp"
#include "sanitizers.hpp"

namespace cuda_on_cpu {
namespace {

constexpr size_t kStaticLimit = 48 * 1024;
constexpr int kPoison = 0xFF;  // a NaN, a large count

// On the heap and of the exact size, so that AddressSanitizer sees accesses outside of it.
char* allocate(size_t bytes, size_t alignment) {
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment < 16 ? 16 : alignment, bytes) != 0) std::abort();
  std::memset(memory, kPoison, bytes);
  return static_cast<char*>(memory);
}

}  // namespace

void makeSharedMemory(Block& block, size_t dynamicBytes) {
  block.arrays.clear();
  block.staticBytes = 0;
  block.dynamicMemory = dynamicBytes == 0 ? nullptr : allocate(dynamicBytes, 128);
}

void freeSharedMemory(Block& block) {
  for (const SharedArray& array : block.arrays) std::free(array.memory);
  block.arrays.clear();
  std::free(block.dynamicMemory);
  block.dynamicMemory = nullptr;
}

// Other blocks of the cluster may not read it any more.
void sharedMemoryDies(Block& block, size_t dynamicBytes) {
  Unwatched unwatched;
  for (const SharedArray& array : block.arrays) {
    std::memset(array.memory, kPoison, array.bytes);
    forbidAccess(array.memory, array.bytes);
  }
  if (block.dynamicMemory == nullptr) return;
  std::memset(block.dynamicMemory, kPoison, dynamicBytes);
  forbidAccess(block.dynamicMemory, dynamicBytes);
}

namespace {

void* arrayOf(Machine& machine, Block& block, const void* tag, size_t bytes, size_t alignment) {
  for (const SharedArray& array : block.arrays) {
    if (array.tag == tag) return array.memory;
  }
  block.staticBytes += bytes;
  machine.noteStaticBytes(block.staticBytes);
  Unwatched unwatched;
  block.arrays.push_back({tag, allocate(bytes, alignment), bytes});
  return block.arrays.back().memory;
}

}  // namespace

namespace {

bool isInSharedMemory(const Machine& machine, const Block& block, const AsyncCopy& copy) {
  const char* to = static_cast<const char*>(copy.to);
  const auto lies = [&](const char* memory, size_t bytes) {
    return memory != nullptr && to >= memory && to + copy.bytes <= memory + bytes;
  };
  bool found = lies(block.dynamicMemory, machine.shape().dynamicBytes);
  for (const SharedArray& array : block.arrays) found = found || lies(array.memory, array.bytes);
  return found;
}

}  // namespace

void Machine::noteStaticBytes(size_t bytes) {
  if (bytes > staticBytes_) staticBytes_ = bytes;
  if (bytes > kStaticLimit)
    fail("%zu bytes of static shared memory, of which %zu are allowed", bytes, kStaticLimit);
  const size_t limit = shape_.dynamicLimit == 0 ? kStaticLimit - bytes : shape_.dynamicLimit;
  if (shape_.dynamicBytes > limit) {
    fail("%zu bytes of dynamic shared memory besides %zu static ones; cudaFuncSetAttribute has to allow them",
         shape_.dynamicBytes, bytes);
  }
  if (shape_.dynamicBytes + bytes > settings().sharedBytes) {
    fail("%zu bytes of shared memory, %zu are there", shape_.dynamicBytes + bytes, settings().sharedBytes);
  }
}

void* sharedArray(const void* tag, size_t bytes, size_t alignment) {
  Machine& machine = *Machine::current();
  return arrayOf(machine, *machine.running().block, tag, bytes, alignment);
}

void* dynamicSharedMemory() {
  Machine& machine = *Machine::current();
  void* memory = machine.running().block->dynamicMemory;
  if (memory == nullptr) machine.fail("dynamic shared memory in a launch without any");
  return memory;
}

void* sharedMemoryOf(unsigned int rank, const void* own, const char* file, int line) {
  Machine& machine = *Machine::current();
  Block& block = *machine.running().block;
  machine.arrive(Operation::kNone, {file, line});
  if (rank >= machine.shape().clusterBlocks) {
    machine.fail("map_shared_rank: rank %u of a cluster of %u", rank, machine.shape().clusterBlocks);
  }
  Block& other = (&block)[static_cast<long>(rank) - static_cast<long>(block.rankInCluster)];
  if (other.live == 0) machine.fail("map_shared_rank: block %u of the cluster has exited", rank);
  const char* address = static_cast<const char*>(own);
  const auto offsetIn = [address](const char* memory) { return static_cast<size_t>(address - memory); };
  for (const SharedArray& array : block.arrays) {
    if (address < array.memory || offsetIn(array.memory) >= array.bytes) continue;
    const size_t offset = offsetIn(array.memory);
    return static_cast<char*>(arrayOf(machine, other, array.tag, array.bytes, 16)) + offset;
  }
  if (address >= block.dynamicMemory && offsetIn(block.dynamicMemory) < machine.shape().dynamicBytes) {
    return other.dynamicMemory + offsetIn(block.dynamicMemory);
  }
  machine.fail("map_shared_rank: the address is not in the block's shared memory");
}

void beginCopy(const AsyncCopy& copy, const char* file, int line) {
  Machine& machine = *Machine::current();
  Thread& self = machine.running();
  machine.arrive(Operation::kNone, {file, line});
  if (copy.bytes != 4 && copy.bytes != 8 && copy.bytes != 16)
    machine.fail("an asynchronous copy of %zu bytes", copy.bytes);
  if ((reinterpret_cast<uintptr_t>(copy.to) | reinterpret_cast<uintptr_t>(copy.from)) % copy.bytes != 0)
    machine.fail("an asynchronous copy that is not aligned to its %zu bytes", copy.bytes);
  if (!isInSharedMemory(machine, *self.block, copy))
    machine.fail("an asynchronous copy to what is not the block's shared memory");
  const Unwatched unwatched;
  self.copies.push_back({copy, self.committed});
}

void commitCopies() { ++Machine::current()->running().committed; }

bool takeCopy(size_t prior, AsyncCopy& copy) {
  Thread& self = Machine::current()->running();
  if (self.copies.empty() || self.copies.front().group + prior >= self.committed) return false;
  copy = self.copies.front().copy;
  self.copies.erase(self.copies.begin());
  return true;
}

// Memory is ordered as by C++: what comes before a fence and then an atomic write is seen after an atomic read of that
// and then a fence. ThreadSanitizer knows no fences, so its own notes, at the address, are written and read here.
void noteRead(Thread& thread, const void* from) {
  for (const void* known : thread.readSinceFence) {
    if (known == from) return;
  }
  thread.readSinceFence[thread.nextRead] = from;
  thread.nextRead = (thread.nextRead + 1) % Thread::kReads;
}

void turnToRead(const void* from) {
  Machine& machine = *Machine::current();
  machine.mayYield();
  if (kThreadSanitizer) noteRead(machine.running(), from);
}

void turnToWrite(const void* to) {
  Machine& machine = *Machine::current();
  machine.mayYield();
  if (!kThreadSanitizer) return;
  noteRead(machine.running(), to);
  if (machine.running().fenced) release(const_cast<void*>(to));
}

void fence() {
  Machine& machine = *Machine::current();
  machine.mayYield();
  if (!kThreadSanitizer) return;
  Thread& thread = machine.running();
  for (const void*& read : thread.readSinceFence) {
    if (read != nullptr) acquire(const_cast<void*>(read));
    read = nullptr;
  }
  thread.fenced = true;
}

void sleep(const char* file, int line) {
  Machine& machine = *Machine::current();
  machine.arrive(Operation::kSleep, {file, line});
  machine.sleep();
}

}  // namespace cuda_on_cpu
